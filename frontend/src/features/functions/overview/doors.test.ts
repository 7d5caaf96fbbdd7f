import { describe, expect, it } from "vitest";
import { pages, paths } from "./doors.ts";

const cors = {
  origins: ["https://a.example", "https://b.example"],
  methods: ["GET", "POST"],
  headers: ["content-type"],
  credentials: true,
  maxAgeS: 600,
};

describe("a function's doors", () => {
  it("are open to pages of some origins, of all, or of none", () => {
    expect(pages(cors)).toBe("Pages of https://a.example, https://b.example may call it: GET, POST, with cookies");
    expect(pages({ ...cors, origins: ["*"], credentials: false })).toBe("Pages of every origin may call it: GET, POST");
    expect(pages({ ...cors, origins: [] })).toBeUndefined();
    expect(pages(null)).toBeUndefined();
  });

  it("have a path, or a path and all below it", () => {
    expect(paths("/shop")).toBe("/shop");
    expect(paths("/shop/*")).toBe("/shop and all below it");
  });
});
