/** What a person does: open a file, see the squiggle and the problem, hover, explain, fix. In a browser, with pictures. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { Outcome } from './api.ts';
import { remote, type VsCode, workbench } from './vscode.ts';

const PATIENCE = 30_000;

/** `shots` is where the pictures go. */
export async function useIt(code: VsCode, example: string, shots: string): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-ui-'));
  const file = path.join(folder, path.basename(example));
  cpSync(example, file);
  mkdirSync(shots, { recursive: true });
  const { page, base } = code;
  let passed = 0;
  const step = async (what: string, run: () => Promise<unknown>) => {
    const start = Date.now();
    try {
      await run();
    } catch (error) {
      await page.screenshot({ path: path.join(shots, 'failed.png') });
      throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
    passed++;
    console.log(`  ok ${what} (${Date.now() - start} ms)`);
  };
  try {
    await page.setViewportSize({ width: 1500, height: 760 });
    await page.goto(workbench(base, folder, [['openFile', remote(base, file)]]));
    await step('the file opens', () =>
      page.waitForSelector('.monaco-editor .view-lines', { timeout: 2 * PATIENCE }),
    );
    await step('the write under a plain reference has a squiggle', () =>
      page.waitForSelector('.squiggly-error', { timeout: PATIENCE }),
    );
    const problem = page.locator('.markers-panel .monaco-list-row', { hasText: 'CASE 5' });
    await step('and a row in the Problems panel', async () => {
      await page.keyboard.press('Control+Shift+M');
      await problem.first().waitFor({ timeout: PATIENCE });
    });
    await step('hovering over the call says what it does', async () => {
      const call = page.locator('.view-line span', { hasText: /^get_user_pages_fast$/ }).first();
      await call.hover();
      await page.locator('.monaco-hover:visible', { hasText: 'refcount' }).waitFor({ timeout: PATIENCE });
      await page.screenshot({ path: path.join(shots, 'hover.png') });
      await page.keyboard.press('Escape');
      await page.mouse.move(5, 5);
    });
    await step('GUP calls have a colour of their own', async () => {
      const colour = (name: string) =>
        page
          .locator('.view-line span', { hasText: new RegExp(`^${name}$`) })
          .first()
          .getAttribute('class', { timeout: PATIENCE });
      if ((await colour('get_user_pages_fast')) === (await colour('status_page_update')))
        throw new Error('the same');
    });
    await step('the explanation opens beside the code', async () => {
      await page.keyboard.press('Control+b');
      await problem.first().dblclick();
      await chooseQuickFix(page, 'Explain this finding', path.join(shots, 'menu.png'));
      await page.locator('.view-line', { hasText: 'What happens' }).waitFor({ timeout: PATIENCE });
      await page.locator('.view-line .detected-link').first().waitFor({ timeout: PATIENCE });
      await settle(page);
      await page.screenshot({ path: path.join(shots, 'editor.png') });
    });
    await step('a place in it leads to the source, beside it', async () => {
      const link = page.locator('.view-line .detected-link', { hasText: ':30' }).last();
      await link.scrollIntoViewIfNeeded();
      await link.click({ modifiers: ['Control'] });
      await page.locator('.statusbar-item', { hasText: /^Ln 30, / }).waitFor({ timeout: PATIENCE });
      if (!(await page.locator('.view-line', { hasText: 'What happens' }).isVisible())) {
        throw new Error('the explanation is gone');
      }
    });
    await step('the quick fix removes the squiggle', async () => {
      await problem.first().dblclick();
      await chooseQuickFix(page, 'Use pin_user_pages_fast()');
      await page
        .locator('.view-line', { hasText: 'unpin_user_pages_dirty_lock(&page, 1, true)' })
        .first()
        .waitFor({ timeout: PATIENCE });
      await page.locator('.squiggly-error').waitFor({ state: 'detached', timeout: PATIENCE });
      await page.locator('.markers-panel', { hasText: 'No problems' }).waitFor({ timeout: PATIENCE });
    });
    await step('the fixed file is saved', async () => {
      await page.keyboard.press('Control+s');
      const end = Date.now() + PATIENCE;
      while (!readFileSync(file, 'utf8').includes('unpin_user_pages_dirty_lock(&page, 1, true);')) {
        if (Date.now() > end) throw new Error('not on disk');
        await page.waitForTimeout(100);
      }
      await settle(page);
      await page.screenshot({ path: path.join(shots, 'fixed.png') });
    });
    await step('no message box has appeared', async () => {
      const popUps = await page.locator('.notification-toast').allInnerTexts();
      if (popUps.length > 0) throw new Error(popUps.join(' | '));
    });
    return { passed, failed: 0 };
  } catch (error) {
    console.log(`  FAILED ${error instanceof Error ? error.message : String(error)}`);
    return { passed, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opens the quick fix menu at the cursor and takes an entry. The actions may take a moment to be known. */
async function chooseQuickFix(page: Page, title: string, shot?: string): Promise<void> {
  await page.locator('[class*=lightbulb]').first().waitFor({ timeout: PATIENCE });
  const entry = page.locator('.action-widget .monaco-list-row', { hasText: title });
  for (let attempt = 0; attempt < 5 && !(await entry.isVisible()); attempt++) {
    await page.keyboard.press('Control+.');
    await entry.waitFor({ timeout: 3_000 }).catch(() => undefined);
  }
  if (shot !== undefined) await page.screenshot({ path: shot });
  await entry.click();
}

/** Lets colours and decorations arrive before a picture is taken. */
async function settle(page: Page): Promise<void> {
  await page.waitForTimeout(1_000);
}
