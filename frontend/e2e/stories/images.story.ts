// A function that is a container image: registered in the form, with what it is and what its container uses now.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import { PICTURES } from "../paths.ts";
import { story } from "../story.ts";
import { tab } from "../words.ts";

const { TEST_DOCKER_HOST: engine = "", TEST_REGISTRY: registry = "" } = process.env;
const IMAGE = `${registry}/eventflow-test/busybox:1`;
const COMMAND = `sh -c "mkdir /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p $PORT -h /tmp/www"`;

function docker(...args: string[]): string {
  return execFileSync("docker", args, { env: { ...process.env, DOCKER_HOST: engine }, encoding: "utf8" }).trim();
}

story(
  "an image is registered, shows what it is and what it uses",
  async ({ house, page, step }) => {
    const main = page.getByRole("main");
    const row = main.getByRole("row").filter({ hasText: "container" });

    await step("register it", async () => {
      await page.goto("/functions?register=image");
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("textbox", { name: "Image" }).fill(IMAGE);
      await dialog.getByRole("textbox", { name: "Command" }).fill(`${COMMAND} "`);
      await dialog.getByText("A quote is not closed").waitFor();
      await dialog.getByRole("textbox", { name: "Command" }).fill(COMMAND);
      await dialog.getByText(`registry-${registry}`).waitFor();
      expect(await dialog.getByRole("textbox", { name: "Name", exact: true }).inputValue()).toBe("busybox");
      await page.screenshot({ path: join(PICTURES, "image-form.png") });
      await dialog.getByRole("button", { name: "Register and build" }).click();
    });

    await step("see what was pulled", async () => {
      await main.getByRole("link", { name: "version 1", exact: true }).first().waitFor();
      await main.getByText("Pull the image").waitFor();
      await main.getByText(/^[\d.]+ MiB in 1 layer$/).waitFor();
      await page.screenshot({ path: join(PICTURES, "image-build.png"), fullPage: true });
      await tab(page, "Versions");
      await main.getByText(IMAGE).first().waitFor();
      await page.screenshot({ path: join(PICTURES, "image-versions.png"), fullPage: true });
    });

    await step("start it, and see what its container uses", async () => {
      await tab(page, "Overview");
      await main.getByRole("button", { name: "Start", exact: true }).click();
      await row.getByText("MiB").first().waitFor();
      await row.getByText("%").waitFor();
      await row.getByRole("button", { name: "Copy the container's id" }).click();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      const label = `label=io.eventflow.server=${(await nodes()).join()}`;
      expect(docker("ps", "-q", "--no-trunc", "--filter", label)).toBe(copied);
      await page.screenshot({ path: join(PICTURES, "image-overview.png"), fullPage: true });
    });

    await step("see its settings, and what the engine keeps", async () => {
      await page.goto("/functions");
      await main.getByRole("link", { name: "busybox", exact: true }).first().click();
      await tab(page, "Settings");
      await tab(page, "Source");
      expect(await main.getByRole("textbox", { name: "Command" }).inputValue()).toBe(
        `sh -c 'mkdir /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p $PORT -h /tmp/www'`,
      );
      await main.getByRole("button", { name: `Set registry-${registry}` }).waitFor();
      await page.screenshot({ path: join(PICTURES, "image-settings.png"), fullPage: true });
      await page.goto("/system");
      await main.getByText("Images on the engine").waitFor();
      await page.screenshot({ path: join(PICTURES, "image-system.png"), fullPage: true });
    });

    async function nodes(): Promise<string[]> {
      const found = await house.ask<{ viewer: { server: { nodes: string[] } } }>("{ viewer { server { nodes } } }");
      return found.viewer.server.nodes;
    }
  },
  { env: { DOCKER_HOST: engine } },
);
