import { describe, expect, it } from "vitest";
import { faultLines, headline } from "./error.ts";

describe("the lines where a run went wrong", () => {
  const near = (levels: string, most?: number) =>
    faultLines([...levels], (one) => (one === "e" ? "error" : "info"), most);

  it("are the last errors that stand together, from their head on", () => {
    expect(near("ieeiieeei").join("")).toBe("eee");
    expect(near("eeeeee", 2).length).toBe(2);
    expect(near("iii")).toEqual([]);
  });
});

describe("an error", () => {
  it("of a process is shown by the last thing that it wrote", () => {
    expect(headline("the process exited with code 1; its last lines:   File x\n  ^^^\nValueError: no")).toBe(
      "the process exited with code 1: ValueError: no",
    );
    expect(headline("the function answered 500: no")).toBe("the function answered 500: no");
  });
});
