/** Content parts: those that a client may send and those that a kernel sends. Part of the kernel's start path. */
import * as z from "zod/mini";
import type {
  AudioPart,
  ContentPart,
  ImagePart,
  InputAudioPart,
  InputContentPart,
  InputImagePart,
  InputMediaUrl,
  InputTextPart,
  InputThinkPart,
  InputVideoPart,
  MediaUrl,
  TextPart,
  ThinkPart,
  UserInput,
  UserInputEcho,
  VideoPart,
} from "../generated/types.gen.js";
import { pin } from "../pin.js";

const nullableString = z.nullable(z.string());

const inputTextPart = pin<InputTextPart>()(z.object({ type: z.literal("text"), text: z.string() }));
const inputThinkPart = pin<InputThinkPart>()(
  z.object({ type: z.literal("think"), think: z.string(), encrypted: z.exactOptional(nullableString) }),
);
const inputMediaUrl = pin<InputMediaUrl>()(z.object({ url: z.string(), id: z.exactOptional(nullableString) }));
const inputImagePart = pin<InputImagePart>()(z.object({ type: z.literal("image_url"), image_url: inputMediaUrl }));
const inputAudioPart = pin<InputAudioPart>()(z.object({ type: z.literal("audio_url"), audio_url: inputMediaUrl }));
const inputVideoPart = pin<InputVideoPart>()(z.object({ type: z.literal("video_url"), video_url: inputMediaUrl }));

/** A part from a client; `id` and `encrypted` may be missing. A part of an unknown type is invalid. */
export const inputContentPart = pin<InputContentPart>()(
  z.discriminatedUnion("type", [inputTextPart, inputThinkPart, inputImagePart, inputAudioPart, inputVideoPart]),
);

/** `user_input` as a client sends it: text or parts, both possibly empty. */
export const userInput = pin<UserInput>()(z.union([z.string(), z.array(inputContentPart)]));

const textPart = pin<TextPart>()(z.object({ type: z.literal("text"), text: z.string() }));
const thinkPart = pin<ThinkPart>()(
  z.object({ type: z.literal("think"), think: z.string(), encrypted: nullableString }),
);
const mediaUrl = pin<MediaUrl>()(z.object({ url: z.string(), id: nullableString }));
const imagePart = pin<ImagePart>()(z.object({ type: z.literal("image_url"), image_url: mediaUrl }));
const audioPart = pin<AudioPart>()(z.object({ type: z.literal("audio_url"), audio_url: mediaUrl }));
const videoPart = pin<VideoPart>()(z.object({ type: z.literal("video_url"), video_url: mediaUrl }));

/** A part from a kernel; every key is there. */
export const contentPart = pin<ContentPart>()(
  z.discriminatedUnion("type", [textPart, thinkPart, imagePart, audioPart, videoPart]),
);

/** `user_input` as a kernel repeats it. */
export const userInputEcho = pin<UserInputEcho>()(z.union([z.string(), z.array(contentPart)]));
