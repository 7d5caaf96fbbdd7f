import { describe, expect, it } from "vitest";
import { methodsOf, refused } from "./methods.ts";

describe("signing in", () => {
  it("shows what the server offers, and nothing that it does not know", () => {
    expect(methodsOf({ methods: ["password", "dev_token", "github", "constructor", 3] })).toEqual({
      password: true,
      dev: true,
      others: [{ name: "github", label: "Continue with GitHub", href: "/auth/github/login" }],
    });
    expect(methodsOf("nonsense")).toEqual({ password: false, dev: false, others: [] });
  });

  it("says why it is refused, and for how long", () => {
    expect(refused(401, "x", null).message).toContain("wrong");
    expect(refused(429, undefined, "37")).toMatchObject({ wait: 37 });
    expect(refused(429, undefined, null).wait).toBe(60);
    expect(refused(429, undefined, "99999999").wait).toBe(3_600);
    expect(refused(503, undefined, null).message).toContain("503");
    expect(refused(400, "no user name", null)).toEqual({ message: "no user name", wait: 0 });
  });
});
