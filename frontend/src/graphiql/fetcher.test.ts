import { parse } from "graphql";
import { describe, expect, it } from "vitest";
import changeQuery from "./examples/change.graphql?raw";
import lookQuery from "./examples/look.graphql?raw";
import watchQuery from "./examples/watch.graphql?raw";
import { collect, explain, isSubscription } from "./fetcher.ts";
import { defaultHeaders, first, sent } from "./headers.ts";

describe("which way an operation goes", () => {
  const document = parse("query A { a } subscription B { b }");

  it("takes the named operation of several", () => {
    expect(isSubscription({ query: "", operationName: "A" }, document)).toBe(false);
    expect(isSubscription({ query: "", operationName: "B" }, document)).toBe(true);
  });

  it("takes the only operation when none is named", () => {
    expect(isSubscription({ query: "" }, parse("subscription { b }"))).toBe(true);
  });

  it("posts what could not be parsed, for the server to explain", () => {
    expect(isSubscription({ query: "subscription {" }, undefined)).toBe(false);
  });
});

describe("headers", () => {
  it("start with the development token only on a development server", () => {
    expect(JSON.parse(defaultHeaders(true))).toEqual({ Authorization: "Bearer dev-token" });
    expect(JSON.parse(defaultHeaders(false))).toEqual({ Authorization: "Bearer " });
  });

  it("leave out a bearer without a token, so that a session cookie can count", () => {
    expect(sent({ Authorization: "Bearer ", "X-Number": 3 })).toEqual({ "X-Number": "3" });
    expect(sent(undefined)).toEqual({});
  });
});

describe("the first question", () => {
  it("carries the kept headers, else the default ones", () => {
    expect(first(defaultHeaders(true), null)).toEqual({ Authorization: "Bearer dev-token" });
    expect(first(defaultHeaders(true), '{"Authorization":"Bearer mine"}')).toEqual({ Authorization: "Bearer mine" });
    expect(first(defaultHeaders(true), "{broken")).toEqual({});
  });
});

describe("results of a subscription", () => {
  it("are shown newest first, counted, and bounded", () => {
    const collected = collect(2);
    collected({ data: 1 });
    collected({ data: 2 });
    expect(collected({ data: 3 })).toEqual({ received: 3, newestFirst: [3, 2] });
  });

  it("keep their errors", () => {
    const failed = { data: null, errors: [{ message: "no" }] };
    expect(collect(2)(failed)).toEqual({ received: 1, newestFirst: [failed] });
  });

  it("end with a sentence when the socket closes", () => {
    expect(explain({ code: 4403, reason: "Forbidden" }).message).toContain("token");
    expect(explain([{ message: "first" }, { message: "second" }]).message).toBe("first; second");
  });
});

describe("the examples", () => {
  it("are GraphQL, and the third tab watches the four things that happen", () => {
    const names = [lookQuery, changeQuery, watchQuery].map((text) =>
      parse(text).definitions.map((part) => ("name" in part ? part.name?.value : undefined)),
    );
    expect(names[1]).toEqual(["Register", "Build", "Start", "Publish"]);
    expect(names[2]).toEqual(["BuildLog", "FunctionChanged", "RunChanged", "Logs"]);
  });
});
