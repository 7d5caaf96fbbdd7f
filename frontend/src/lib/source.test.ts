import { expect, it } from "vitest";
import { describeSource, recordedSource } from "./source.ts";

it("a source says where it comes from", () => {
  const source = { type: "git", url: "https://x/y", ref: "main", path: "fn", digest: null, image: null };
  expect(describeSource(source)).toBe("https://x/y @ main in fn");
});

it("a record has a source, or none", () => {
  expect(recordedSource({ source: { type: "image", image: "you/thumbs:1" } })).toBe("you/thumbs:1");
  expect([recordedSource({}), recordedSource(undefined), recordedSource({ source: "x" })]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
