import { describe, expect, it } from "vitest";
import { inside, isArchive, kindOf, LIMIT, leftOut, MANY, plan } from "./files.ts";

describe("a folder that becomes a bundle", () => {
  it("leaves out what tools made, and says so once", () => {
    const made = plan(
      [
        { path: "lib/b.js", size: 2 },
        { path: "index.js", size: 1 },
        { path: "node_modules/x/index.js", size: 100 },
        { path: "node_modules/y/index.js", size: 100 },
        { path: "lib/__pycache__/a.pyc", size: 9 },
      ],
      [".git"],
    );
    expect(made.files.map(({ path }) => path)).toEqual(["index.js", "lib/b.js"]);
    expect(made).toMatchObject({ bytes: 3, left: [".git", "lib/__pycache__", "node_modules"], fault: null });
    expect(leftOut("src/target.js")).toBeNull();
  });

  it("is refused before it is sent when it cannot be taken", () => {
    expect(plan([]).fault).toContain("no file");
    expect(plan([{ path: "a", size: 2 * LIMIT + 1 }]).fault).toContain("50 MiB");
    const many = Array.from({ length: MANY + 1 }, (_, at) => ({ path: `f${at}`, size: 1 }));
    expect(plan(many).fault).toContain("at most");
  });

  it("is taken for what its root says", () => {
    expect(kindOf(["index.js", "function.json"])).toContain("function.json");
    expect(kindOf(["handler.py"])).toBe("Python");
    expect(kindOf(["lib/handler.py", "README.md"])).toBeNull();
  });

  it("begins inside of the folder that was dropped", () => {
    expect(inside(["fn/a.js", "fn/lib/b.js"])).toEqual({ folder: "fn", paths: ["a.js", "lib/b.js"] });
    expect(inside(["a.js", "fn/b.js"])).toEqual({ folder: null, paths: ["a.js", "fn/b.js"] });
    expect(inside(["fn/a.js", "fn2/b.js"]).folder).toBeNull();
  });

  it("is distinguished from an archive", () => {
    expect(["a.zip", "a.TGZ", "a.tar.gz", "a.gz", "zip"].map(isArchive)).toEqual([true, true, true, false, false]);
  });
});
