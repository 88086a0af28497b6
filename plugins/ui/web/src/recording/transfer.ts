// Recordings from the bridge to this machine, and back, in pieces.

import { connection, listen } from "../store";

const PART = 45_000; // bytes of a piece of an upload: the bridge accepts no more
const WINDOW = 4; // pieces that are on their way
const MAX_HELD = 8_000_000; // bytes of a download in the memory of the page
const TYPE = { type: "application/octet-stream" };
export const MAX_SIZE = 1_000_000_000; // bytes of a recording that the bridge keeps

type Progress = (share: number) => void;

interface Download {
  /** What has arrived. The browser keeps a Blob on disk once it is large. */
  blob: Blob;
  parts: Uint8Array<ArrayBuffer>[];
  received: number;
  progress: Progress;
  resolve(blob: Blob): void;
  reject(error: Error): void;
}

let current: Download | null = null;

listen("recording_data", (message) => {
  const download = current;
  if (!download) return;
  const bytes = Uint8Array.from(atob(message.data), (each) => each.charCodeAt(0));
  if (message.offset !== download.received || (!bytes.length && message.size > message.offset)) {
    current = null;
    download.reject(new Error("A piece of the recording is missing."));
    return;
  }
  download.parts.push(bytes);
  download.received += bytes.length;
  if (download.received - download.blob.size >= MAX_HELD) {
    download.blob = new Blob([download.blob, ...download.parts], TYPE);
    download.parts = [];
  }
  download.progress(message.size ? download.received / message.size : 1);
  if (download.received < message.size) return;
  current = null;
  download.resolve(new Blob([download.blob, ...download.parts], TYPE));
});

/** Fetches a recording, and saves it as a file. */
export async function download(name: string, progress: Progress): Promise<void> {
  if (current) throw new Error("Another recording is being downloaded.");
  const arrived = new Promise<Blob>((resolve, reject) => {
    current = { blob: new Blob([], TYPE), parts: [], received: 0, progress, resolve, reject };
  });
  try {
    await connection.command({ type: "download_recording", name });
    save(`${name}.oscrec`, await arrived);
  } finally {
    current = null;
    connection.unwatch("download");
  }
}

/** Ends a download whose connection was lost. */
export function abandonDownload(): void {
  current?.reject(new Error("The connection to the bridge was lost."));
  current = null;
}

function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Sends a file; the bridge keeps it once it is complete and valid. */
export async function upload(file: File, progress: Progress): Promise<void> {
  if (file.size > MAX_SIZE) throw new Error("This file is too large: at most 1 GB.");
  if (!file.size) throw new Error("This file is empty.");
  const name = file.name.replace(/\.oscrec$/i, "");
  const running = new Set<Promise<unknown>>();
  for (let offset = 0; offset < file.size; offset += PART) {
    const data = await base64(file.slice(offset, offset + PART));
    const piece = connection.command({ type: "upload_recording", name, size: file.size, offset, data });
    const sent = piece.then(() => progress(Math.min(1, (offset + PART) / file.size)));
    running.add(sent);
    const done = () => running.delete(sent);
    sent.then(done, () => undefined); // what has failed stays, and ends the upload below
    if (offset === 0) await sent; // the name may not be free
    if (running.size >= WINDOW) await Promise.race(running);
  }
  await Promise.all(running);
}

function base64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      const url = String(reader.result);
      resolve(url.slice(url.indexOf(",") + 1));
    };
    reader.onerror = () => reject(new Error("The file cannot be read."));
    reader.readAsDataURL(blob);
  });
}
