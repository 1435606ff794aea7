import { createRequire } from 'node:module';
import chromium from '@sparticuz/chromium';
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from 'playwright-core';

/** Flags of a cloud function's Chromium that would end it with its first page, or let it do what browsers do not. */
const unwanted = [
  '--single-process',
  '--no-zygote',
  '--disable-web-security',
  '--allow-running-insecure-content',
];

/** A real Chromium: the packaged one where it runs, an installed Chrome elsewhere. */
export async function openBrowser(): Promise<Browser> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return playwright.launch({ channel: 'chrome', headless: true });
  return playwright.launch({
    args: chromium.args.filter((flag) => !unwanted.includes(flag)),
    executablePath: await chromium.executablePath(),
    headless: true,
  });
}

export const wide: BrowserContextOptions = { viewport: { width: 1440, height: 900 } };
export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 } };

/** A page of its own; what its console complains about is kept. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = wide,
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.setDefaultTimeout(15_000);
  await page.goto(url);
  await page.waitForSelector('h1');
  return { page, complaints };
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe finds serious or critical on the page; its context must bypass the content security policy. */
export async function serious(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: axePath });
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
        }>;
      };
    };
    const { violations } = await axe.run();
    return violations
      .filter((one) => one.impact === 'serious' || one.impact === 'critical')
      .flatMap((one) =>
        one.nodes
          .slice(0, 4)
          .map((node) => `${one.id}: ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 260)}`),
      );
  });
}
