import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AccuracyView, ModelView } from '../../server/src/api.ts';
import { electricity, inRepository, Slipway } from '../../server/test/processes/harness.ts';
import { openBrowser, openPage, phone, serious, wide } from './browser.ts';

const played = 1500;
const rows = electricity(9062, 9062 + played + 1);
const begin = Date.UTC(1996, 10, 11);
const at = (row: number) => begin + row * 1_800_000;
let slipway: Slipway;
let folder: string;
let browser: Browser;
let lastId: string;

beforeAll(async () => {
  if (!existsSync(inRepository('console/dist/index.html')))
    execFileSync('npm', ['run', '--silent', 'build', '--workspace', 'console'], { cwd: inRepository('') });
  folder = mkdtempSync(join(tmpdir(), 'slipway-console-'));
  const baseline = join(folder, 'train.csv');
  const lines = readFileSync(inRepository('examples/electricity/elec.csv'), 'utf8').split('\n');
  writeFileSync(baseline, `${lines.slice(0, 9063).join('\n')}\n`);
  [slipway, browser] = await Promise.all([Slipway.start(), openBrowser()]);
  const options = { baseline, label: 'class' };
  await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'), options);
  const learner = inRepository('examples/electricity/learner.json');
  await slipway.deploy('electricity', learner, { ...options, as: 'shadow' });
  for (let row = 0; row < played; row++) await answerAndLabel(row);
});

afterAll(async () => {
  await browser?.close();
  await slipway?.end();
  rmSync(folder, { recursive: true, force: true });
});

async function answerAndLabel(row: number): Promise<string> {
  const { features, label } = rows[row]!;
  const { body } = await slipway.predict('electricity', { features, key: `row-${row}`, at: at(row) });
  await slipway.label({ id: body.id, label, at: at(row + 1) });
  lastId = body.id;
  return body.id;
}

const sentence = async () =>
  (await slipway.api<ModelView>('GET', '/api/models/electricity')).body.health.sentence;

test('the overview says first whether anything is wrong, then what changed', async () => {
  const { page, complaints } = await openPage(browser, slipway.control);
  await page.getByText(await sentence(), { exact: true }).waitFor();
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toMatch(/electricity/);
  await page.getByText('is promoted by itself once it is proven better').first().waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test('a model’s page says its health, draws its accuracy, its rollout and its drift', async () => {
  const { page, complaints } = await openPage(browser, `${slipway.control}/models/electricity`);
  await page.getByRole('heading', { level: 1, name: await sentence() }).waitFor();
  await page.locator('svg[aria-label^="Accuracy over event time: version 1 from"]').waitFor();
  await page.getByRole('heading', { name: 'Is version 2 better than version 1?' }).scrollIntoViewIfNeeded();
  await page.locator('svg[aria-label^="Difference in loss"]').waitFor();
  await page.getByRole('button', { name: /nswdemand/ }).click();
  await page.getByRole('heading', { name: 'nswdemand, then and now' }).waitFor();
  expect(page.url()).toContain('feature=nswdemand');
  expect(complaints).toEqual([]);
  await page.context().close();
});

test('the windows of the accuracy picture are few, whole and hold every label', async () => {
  const { body } = await slipway.api<AccuracyView>('GET', '/api/models/electricity/accuracy?windows=40');
  const served = body.windows.filter((one) => one.role === 'served');
  expect(served.length).toBeGreaterThan(20);
  expect(served.length).toBeLessThanOrEqual(40);
  const [{ from, to }] = served as [AccuracyView['windows'][number]];
  for (const [i, one] of served.entries()) expect(one.from).toBe(from + i * (to - from));
  expect(served.reduce((sum, one) => sum + one.score.labelled, 0)).toBe(played);
  const closer = `?windows=40&from=${at(480)}&to=${at(519)}`;
  const { body: part } = await slipway.api<AccuracyView>('GET', `/api/models/electricity/accuracy${closer}`);
  const hours = part.windows.filter((one) => one.role === 'served');
  expect([hours.length, hours[0]!.to - hours[0]!.from]).toEqual([20, 3_600_000]);
});

test('a step that may change traffic says what will happen, and asks once', async () => {
  const { page } = await openPage(browser, `${slipway.control}/models/electricity`);
  await page.getByRole('button', { name: 'Hold' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/Nothing changes for callers/).waitFor();
  await dialog.getByRole('button', { name: 'Hold' }).click();
  await page.getByText('It is held: it will not decide by itself.').waitFor();
  const { body } = await slipway.api<ModelView>('GET', '/api/models/electricity');
  expect(body.rollout?.state).toBe('held');
  await page.context().close();
});

test('a cell of the drift map opens its window; a drag over a picture chooses a stretch of time', async () => {
  const { page } = await openPage(browser, `${slipway.control}/models/electricity`);
  await page.getByRole('heading', { name: 'Have its inputs moved?' }).scrollIntoViewIfNeeded();
  await page.locator('.choose rect').nth(1).click();
  await page.getByRole('heading', { name: /, then and now/ }).waitFor();
  expect(page.url()).toMatch(/feature=\w+&window=\d+/);
  await page.evaluate(() => scrollTo(0, 0));
  const box = (await page.locator('.picture').first().boundingBox())!;
  await page.mouse.move(box.x + 300, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + 600, box.y + 100, { steps: 3 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+/);
  expect(await page.getByText('This picture could not be drawn').count()).toBe(0);
  await page.context().close();
});

test('a lost connection is said, and mends itself', async () => {
  const { page } = await openPage(browser, slipway.control);
  await page.route('**/api/events', (route) => route.abort());
  await page.reload();
  const banner = page.getByText(/The connection was lost/);
  await banner.waitFor();
  await page.unroute('**/api/events');
  await banner.waitFor({ state: 'hidden' });
  await page.context().close();
});

test('where the API wants a key, asks once for it and goes on', async () => {
  const { page } = await openPage(browser, slipway.control);
  await page.route('**/api/**', (route) => {
    const { authorization, ...headers } = route.request().headers();
    if (authorization === 'Bearer secret') return route.continue({ headers });
    return route.fulfill({
      status: 401,
      json: { error: { code: 'NO_KEY', message: 'A key is wanted.', hint: '' } },
    });
  });
  await page.reload();
  await page.getByLabel('Key', { exact: true }).fill('secret');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText(await sentence(), { exact: true }).waitFor();
  expect(await page.evaluate(() => sessionStorage.getItem('slipway-key'))).toBe('secret');
  await page.context().close();
});

test('the overview comes in under 300 kB, without the plotting library', async () => {
  const { page } = await openPage(browser, slipway.control);
  await page.getByText(await sentence(), { exact: true }).waitFor();
  const sizes = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map((one) => one as PerformanceResourceTiming)
      .filter((one) => one.name.includes('/assets/'))
      .map((one) => one.encodedBodySize),
  );
  expect(sizes.length).toBeGreaterThan(1);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(300_000);
  await page.context().close();
});

test('"/" finds a model by keyboard, Esc closes', async () => {
  const { page } = await openPage(browser, slipway.control);
  await page.keyboard.press('/');
  const field = page.getByRole('combobox', { name: /Find a model/ });
  await field.waitFor();
  await page.keyboard.press('Escape');
  await field.waitFor({ state: 'hidden' });
  await page.keyboard.press('/');
  await field.fill('elec');
  await page.getByRole('option', { name: /electricity/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/models/electricity');
  await page.context().close();
});

test('a prediction is found by its id, with every answer and whether it was right, and is reproduced', async () => {
  const prediction = await slipway.prediction(lastId);
  const { page } = await openPage(browser, `${slipway.control}/journal`);
  await page.getByLabel('Id of the prediction').fill(lastId);
  await page.getByRole('button', { name: 'Find', exact: true }).last().click();
  await page.getByText('Found by its id.').waitFor();
  const found = page.getByRole('article');
  const live = prediction.answers[0]!;
  await found
    .getByText(`${live.prediction} by version ${live.version}, was ${prediction.label!.value}`)
    .waitFor();
  expect(await found.getByText(live.correct ? 'right' : 'wrong').count()).toBeGreaterThan(0);
  await found.getByText('in shadow').waitFor();
  await found.getByRole('button', { name: 'Reproduce' }).click();
  await found
    .getByText(/the same answer again/)
    .first()
    .waitFor();
  await page.context().close();
});

test('arrows walk a list, Enter opens, Esc goes back; what is new since the last look is said', async () => {
  const { page } = await openPage(browser, slipway.control);
  await page.getByText(/^The newest change was/).waitFor();
  await page.keyboard.press('ArrowDown');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('electricity');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: await sentence() }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByText(/^Nothing has changed since you last looked/).waitFor();
  await page.context().close();
});

test('an entry of the timeline leads to the part of the page that it is about', async () => {
  const { page } = await openPage(browser, `${slipway.control}/timeline`);
  const deployed = page.getByRole('listitem').filter({ hasText: 'Version 2 (logistic' });
  await deployed.getByRole('link', { name: 'electricity' }).click();
  await page.waitForURL('**/models/electricity?open=2#versions');
  await page.getByText('Checkpoints', { exact: true }).waitFor();
  // How it is served stands there, too.
  await page.getByText('off (automatic)', { exact: true }).first().waitFor();
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(0);
  await page.context().close();
});

test('the server’s page says whether it keeps up, what lanes refused, and which process is for which version', async () => {
  const loop = inRepository('spec/models/onnx_loop_from_input/model.onnx');
  expect((await slipway.deploy('loop', loop)).status).toBe(201);
  await slipway.kill('scorer-loop-1');
  // Its time is over before it is looked at.
  const late = { features: rows[0]!.features, timeout: 1 };
  expect((await slipway.data('POST', '/predict/electricity', late)).status).toBe(504);
  const { page, complaints } = await openPage(browser, `${slipway.control}/server`);
  await page.getByRole('heading', { level: 1, name: /^Slipway keeps up: the longest turn/ }).waitFor();
  await page.getByText(/Refused so far: 1 past the deadline\./).waitFor();
  const scorer = page.getByRole('row', { name: /scorer-loop-1/ });
  await scorer.getByText('version 1', { exact: true }).waitFor();
  expect(await scorer.textContent()).toMatch(/\d+ MB1/);
  await page
    .getByRole('row', { name: /lane-1/ })
    .getByText('answers predictions')
    .waitFor();
  await scorer.getByRole('link', { name: 'loop' }).click();
  await page.waitForURL('**/models/loop');
  expect(complaints).toEqual([]);
  await page.context().close();
});

test('a model that is not there is said in a heading, with what to do and the way back', async () => {
  const { page } = await openPage(browser, `${slipway.control}/models/nothing`);
  await page.getByRole('heading', { level: 1, name: 'There is no model "nothing".' }).waitFor();
  await page.getByText('slipway deploy NAME FILE', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'To the overview' }).click();
  await page.getByRole('link', { name: 'electricity' }).first().waitFor();
  await page.context().close();
});

test('a new answer and its label show up without a reload', async () => {
  const { page } = await openPage(browser, slipway.control);
  await page.getByText('1,500 rows').waitFor();
  await page.evaluate(() => Object.assign(window, { stayed: true }));
  await answerAndLabel(played);
  await page.getByText('1,501 rows').waitFor();
  expect(await page.evaluate(() => 'stayed' in window)).toBe(true);
  await page.context().close();
});

const paths = () => [
  '/',
  '/models/electricity?feature=nswprice&open=2',
  `/journal?id=${lastId}`,
  '/timeline',
  '/server',
];

test('a phone shows every page without a horizontal scroll', async () => {
  const { page } = await openPage(browser, slipway.control, phone);
  for (const path of paths()) {
    await page.goto(slipway.control + path);
    await settled(page, path);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(over, path).toBeLessThanOrEqual(0);
  }
  await page.context().close();
});

test.each(['light', 'dark'] as const)('axe finds nothing serious, %s', async (colorScheme) => {
  const { page } = await openPage(browser, slipway.control, { ...wide, colorScheme, bypassCSP: true });
  for (const path of paths()) {
    await page.goto(slipway.control + path);
    await settled(page, path);
    expect(await serious(page), path).toEqual([]);
  }
  await page.context().close();
});

async function settled(page: Page, path: string): Promise<void> {
  await page.waitForSelector('h1');
  if (path.startsWith('/models')) {
    // Pictures are drawn when they are first seen.
    await page.locator('.picture').first().scrollIntoViewIfNeeded();
    await page.waitForSelector('.picture svg');
  }
  if (path.startsWith('/journal')) await page.waitForSelector('.prediction h3');
  if (path === '/server') await page.waitForSelector('.processes td');
  if (path === '/' || path === '/timeline') await page.waitForSelector('.entries li');
}

test('follows the system into the dark, and the switch overrules it', async () => {
  const { page } = await openPage(browser, slipway.control, { ...wide, colorScheme: 'dark' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(await ground()).toBe('rgb(22, 23, 26)');
  await page.getByRole('button', { name: 'Change to light' }).click();
  await expect.poll(ground).toBe('rgb(251, 251, 249)');
  await page.context().close();
});

test('before anything is deployed, the exact command stands there', async () => {
  const empty = await Slipway.start();
  try {
    const { page } = await openPage(browser, empty.control);
    await page.getByText('Nothing is deployed yet.').waitFor();
    await page.getByText('npx slipway deploy churn model.txt', { exact: true }).waitFor();
    await page.context().close();
  } finally {
    await empty.end();
  }
});
