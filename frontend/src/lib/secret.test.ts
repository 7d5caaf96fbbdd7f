import { describe, expect, it } from "vitest";
import { missingSecret, withoutMutation } from "./secret.ts";

const ERROR =
  'the secret `API_KEY` of the namespace `shop` is not set; set it with the GraphQL mutation setSecret(namespace: "shop", name: "API_KEY", value: …)';

describe("a secret that is missing", () => {
  it("is found in what the server says", () => {
    expect(missingSecret(ERROR)).toEqual({ name: "API_KEY", namespace: "shop" });
    expect(missingSecret(`it did not start: ${ERROR}`)).toEqual({ name: "API_KEY", namespace: "shop" });
    expect(missingSecret("the secret of success is not set in stone")).toBeNull();
    expect(missingSecret(null)).toBeNull();
  });

  it("is shown without a mutation, and what stands around it is left alone", () => {
    expect(withoutMutation(`attempt 2: ${ERROR}; gave up`)).toBe("attempt 2: the secret API_KEY is not set; gave up");
    expect(withoutMutation("exit code 1")).toBe("exit code 1");
    // Hostile text with the same beginning is not shortened.
    expect(withoutMutation("the secret `x")).toBe("the secret `x");
  });
});
