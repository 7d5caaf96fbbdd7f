// Reading what was dropped, and sending it.

import { type Entry, tarGz } from "../../../lib/tar.ts";
import { type Found, inside, LEFT_OUT, LIMIT, MANY, plan } from "./files.ts";

export interface Chosen extends Found {
  file: File;
}

/** What somebody dropped or chose: an archive that is sent as it is, or files. */
export type Dropped =
  | { archive: File }
  | { folder: string | null; files: readonly Chosen[]; skipped: readonly string[] };

/** Files of an input, by their paths inside of the chosen folder. */
export function chosenFiles(files: readonly File[]): Dropped {
  const { folder, paths } = inside(files.map((file) => file.webkitRelativePath || file.name));
  return {
    folder,
    files: files.map((file, at) => ({ file, path: paths[at] ?? file.name, size: file.size })),
    skipped: [],
  };
}

/** Reads folders that were dropped; those that tools made are not even looked into. */
export async function droppedFiles(items: readonly FileSystemEntry[]): Promise<Dropped> {
  const files: Chosen[] = [];
  const skipped: string[] = [];
  const [only] = items;
  const root = items.length === 1 && only?.isDirectory ? only : null;
  const read = async (entry: FileSystemEntry, path: string): Promise<void> => {
    if (files.length > MANY) return;
    if (LEFT_OUT.has(entry.name)) {
      skipped.push(path);
      return;
    }
    if (entry.isFile) {
      const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
      files.push({ file, path, size: file.size });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // A browser tells a hundred at a time, and nothing when there are no more.
      const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
      if (some.length === 0) return;
      for (const inner of some) await read(inner, path === "" ? inner.name : `${path}/${inner.name}`);
    }
  };
  for (const item of items) await read(item, item === root ? "" : item.name);
  return { folder: root?.name ?? null, files, skipped };
}

/** What is sent of it, as one blob. */
export async function packed(dropped: Dropped): Promise<Blob> {
  if ("archive" in dropped) return dropped.archive;
  const entries: Entry[] = await Promise.all(
    plan(dropped.files, dropped.skipped).files.map(async ({ file, path }) => ({
      path,
      content: new Uint8Array(await file.arrayBuffer()),
    })),
  );
  return tarGz(entries);
}

/** Sends an archive; its digest is how a function names it. `progress` gets the share that is sent, from 0 to 1. */
export function upload(blob: Blob, progress: (part: number) => void, signal?: AbortSignal): Promise<string> {
  if (blob.size > LIMIT) {
    return Promise.reject(new Error("Compressed, it is larger than 50 MiB, which is what the server takes."));
  }
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/bundles");
    request.setRequestHeader("x-requested-with", "EventFlow");
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "text";
    request.upload.onprogress = ({ loaded, total, lengthComputable }) => {
      if (lengthComputable) progress(loaded / total);
    };
    request.onload = () => {
      let answer: { digest?: string; error?: { message?: string } } = {};
      try {
        answer = JSON.parse(request.responseText) as typeof answer;
      } catch {
        // Whatever it is, it is no digest.
      }
      if (request.status === 201 && answer.digest) done(answer.digest);
      else fail(new Error(answer.error?.message ?? `the server answered ${request.status}`));
    };
    request.onerror = () => fail(new Error("The connection was lost while sending. Try again."));
    request.onabort = () => fail(new Error("Sending was cancelled."));
    signal?.addEventListener("abort", () => request.abort());
    request.send(blob);
  });
}

/** Whether it can be sent. */
export function sendable(value: Dropped | null): value is Dropped {
  if (!value) return false;
  return "archive" in value ? value.archive.size <= LIMIT : plan(value.files, value.skipped).fault === null;
}
