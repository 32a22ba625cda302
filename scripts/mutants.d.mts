interface Mutant {
  suites: string[];
  file: string;
  from: string;
  to: string;
}
export const MUTANTS: Readonly<Record<string, Mutant>>;
export function mutated(file: string, mutant: Mutant): string;
