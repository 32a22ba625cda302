type Kind = "methods" | "events" | "requests" | "blocks";

export type Items = Record<Kind, string[]>;
export type Merged = Record<Kind, Map<string, string[]>>;
export type TestRecord = { test: string } & Items;

export function contractItems(readJson: (name: string) => unknown): Items;
export function mergeRecords(items: Items, records: readonly TestRecord[]): Merged;
export function coverageText(merged: Merged): string;
export function coverageFaults(items: Items, text: string, isTest: (id: string) => boolean): string[];
