/** A folder held open, so that what is created and renamed in it lands there and nowhere else. */
import { constants, open } from "node:fs/promises";
import { join } from "node:path";
import { FileProblemError } from "./open-file.js";
import { descriptorPath, isOpenedAt } from "./opened-path.js";

export interface PinnedFolder {
  /** A path to this entry of the folder; on Linux it goes through the descriptor and cannot be redirected. */
  entry(name: string): string;
  /** True while the folder is still where it was when it was judged. */
  inPlace(): Promise<boolean>;
  /** Makes created and renamed entries durable; does nothing where folders cannot be synced. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the folder at `real`, a path without links. The caller closes it. Throws FileProblemError moved when it is
 * a link or lies elsewhere by now; system errors (ENOENT, EACCES) as they are.
 */
export async function pinFolder(real: string): Promise<PinnedFolder> {
  const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(real, flags).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ELOOP" || error.code === "ENOTDIR" ? new FileProblemError("moved", real, error) : error;
  });
  const inPlace = () => isOpenedAt(handle, real);
  if (!(await inPlace())) {
    await handle.close();
    throw new FileProblemError("moved", real);
  }
  const base = descriptorPath(handle) ?? real;
  return {
    entry: (name) => join(base, name),
    inPlace,
    sync: () => handle.sync().catch(() => {}),
    close: () => handle.close(),
  };
}
