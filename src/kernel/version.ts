/** Our version. The same as in package.json; `version.test.ts` says so. */
export const KERNEL_VERSION = "0.1.0";
