/** Names images and videos by their first bytes; file names are not trusted. */
const ASCII_MARKS: ReadonlyArray<{ type: string; marks: ReadonlyArray<readonly [offset: number, text: string]> }> = [
  { type: "image/png", marks: [[0, "\x89PNG\r\n\x1a\n"]] },
  { type: "image/jpeg", marks: [[0, "\xff\xd8\xff"]] },
  { type: "image/gif", marks: [[0, "GIF8"]] },
  {
    type: "image/webp",
    marks: [
      [0, "RIFF"],
      [8, "WEBP"],
    ],
  },
  {
    type: "image/bmp",
    marks: [
      [0, "BM"],
      [6, "\0\0\0\0"],
    ],
  },
  { type: "image/tiff", marks: [[0, "II*\0"]] },
  { type: "image/tiff", marks: [[0, "MM\0*"]] },
  { type: "image/avif", marks: [[4, "ftypavif"]] },
  { type: "image/heic", marks: [[4, "ftyphei"]] },
  { type: "image/heic", marks: [[4, "ftypmif1"]] },
  { type: "video/quicktime", marks: [[4, "ftypqt  "]] },
  { type: "video/3gpp", marks: [[4, "ftyp3gp"]] },
  { type: "video/mp4", marks: [[4, "ftyp"]] },
  {
    type: "video/x-msvideo",
    marks: [
      [0, "RIFF"],
      [8, "AVI "],
    ],
  },
  { type: "video/mpeg", marks: [[0, "\0\0\x01\xba"]] },
  {
    type: "video/ogg",
    marks: [
      [0, "OggS"],
      [28, "\x80theora"],
    ],
  },
  { type: "video/x-flv", marks: [[0, "FLV\x01"]] },
];

const EBML = "\x1aE\xdf\xa3";

/** Bytes that mediaType needs to see. */
export const MEDIA_HEAD_BYTES = 64;

/** Gives the MIME type of an image or video from its first 64 bytes; null for everything else. */
export function mediaType(head: Buffer): `image/${string}` | `video/${string}` | null {
  const text = head.toString("latin1", 0, MEDIA_HEAD_BYTES);
  if (text.startsWith(EBML)) return text.includes("webm") ? "video/webm" : "video/x-matroska";
  const found = ASCII_MARKS.find(({ marks }) => marks.every(([offset, mark]) => text.startsWith(mark, offset)));
  return (found?.type ?? null) as ReturnType<typeof mediaType>;
}
