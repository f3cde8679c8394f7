/**
 * What an editor's user waits for, measured on the extension's own bundles over the protocol: the start of the extension,
 * the first diagnostics, a keystroke, and what memory a long session takes.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  createProtocolConnection,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DocumentDiagnosticRequest,
  ExitNotification,
  InitializedNotification,
  InitializeRequest,
  type ProtocolConnection,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { median, quantile, type Row } from './measure.ts';

const CAPABILITIES = {
  textDocument: { diagnostic: {}, publishDiagnostics: { relatedInformation: true, dataSupport: true } },
};
const URI = 'untitled:bench.c';
const KEYSTROKES = 200;
const LONG_SESSION = 2_000;
const STATEMENT = ' if (ret) pr_debug("%d\\n", ret);';
const STATEMENTS = 10;

/** A server process and one document. */
class Session {
  readonly process: ChildProcess;
  readonly #connection: ProtocolConnection;
  #document = TextDocument.create(URI, 'c', 0, '');

  constructor(server: string) {
    this.process = spawn(process.execPath, [server, '--stdio'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // The extension has no native parser.
      env: { ...process.env, GUPCHECK_PARSER: 'wasm' },
    });
    const { stdin, stdout } = this.process;
    this.#connection = createProtocolConnection(
      new StreamMessageReader(stdout!),
      new StreamMessageWriter(stdin!),
    );
    this.#connection.listen();
  }

  async initialize(): Promise<void> {
    await this.#connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      rootUri: null,
      capabilities: CAPABILITIES,
    });
    await this.#connection.sendNotification(InitializedNotification.type, {});
  }

  async open(text: string): Promise<number> {
    this.#document = TextDocument.create(URI, 'c', 1, text);
    await this.#connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri: URI, languageId: 'c', version: 1, text },
    });
    return this.diagnostics();
  }

  /** Number of diagnostics. */
  async diagnostics(): Promise<number> {
    const report = await this.#connection.sendRequest(DocumentDiagnosticRequest.type, {
      textDocument: { uri: URI },
    });
    return report.kind === 'full' ? report.items.length : 0;
  }

  /** Types one character behind an offset and waits for the diagnostics; milliseconds. */
  async type(offset: number, character: string): Promise<number> {
    const at = this.#document.positionAt(offset);
    const contentChanges = [{ range: { start: at, end: at }, text: character }];
    const version = this.#document.version + 1;
    this.#document = TextDocument.update(this.#document, contentChanges, version);
    const start = performance.now();
    await this.#connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri: URI, version },
      contentChanges,
    });
    await this.diagnostics();
    return performance.now() - start;
  }

  get text(): string {
    return this.#document.getText();
  }

  /** Resident memory in MB (Linux). */
  memory(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    await this.#connection.sendRequest(ShutdownRequest.type);
    await this.#connection.sendNotification(ExitNotification.type);
    await ended;
  }
}

/** Rows about the editor; `kernel` is a linux-6.12 tree. */
export async function editorRows(dist: string, kernel: string, example: string): Promise<Row[]> {
  const server = path.join(dist, 'server.cjs');
  const large = readFileSync(path.join(kernel, 'arch/x86/kvm/svm/sev.c'), 'utf8');
  const lines = large.split('\n').length - 1;
  return [
    { what: 'activation of the extension', figure: ms(activation(dist)), aim: '< 100 ms' },
    {
      what: 'first diagnostics of a 1,000-line file, the server not yet started',
      figure: ms(await firstDiagnostics(server, thousandLines(readFileSync(example, 'utf8')))),
      aim: '< 400 ms',
    },
    ...(await keystrokes(server, large, `sev.c (${lines} lines)`)),
  ];
}

/** Loading the extension's bundle and calling activate(), with an empty VS Code; median of 5 processes. */
function activation(dist: string): number {
  const program = `
    const { Module } = require('node:module');
    const anything = new Proxy(function () {}.bind(), {
      get: (_target, key) => (key === Symbol.toPrimitive ? () => '' : anything),
      set: () => true,
      apply: () => anything,
      construct: () => anything,
    });
    const names = ['window', 'workspace', 'languages', 'commands', 'Uri', 'EventEmitter', 'Disposable', 'ViewColumn', 'LanguageStatusSeverity'];
    const vscode = Object.fromEntries(names.map((name) => [name, anything]));
    const load = Module._load;
    Module._load = function (name, ...rest) { return name === 'vscode' ? vscode : load.call(this, name, ...rest); };
    const start = performance.now();
    require(${JSON.stringify(path.join(dist, 'extension.cjs'))}).activate({ subscriptions: [] });
    console.log(performance.now() - start);
    process.exit(0);`;
  const times = Array.from({ length: 5 }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    const time = Number(stdout);
    if (stdout === '' || Number.isNaN(time))
      throw new Error(`the extension does not activate: ${stderr.slice(-500)}`);
    return time;
  });
  return median(times);
}

/** From the start of the server's process to the answer; median of 5 processes. */
async function firstDiagnostics(server: string, text: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    const session = new Session(server);
    await session.initialize();
    if ((await session.open(text)) === 0) throw new Error('the file has no finding');
    times.push(performance.now() - start);
    await session.end();
  }
  return median(times);
}

/** The example's functions, and functions that pin nothing, to 1,000 lines. */
function thousandLines(example: string): string {
  const plain = (n: number) =>
    `static int helper_${n}(struct device *dev, int value)\n{\n\tif (value < ${n})\n\t\treturn -EINVAL;\n\tdev_dbg(dev, "%d\\n", value);\n\treturn value + ${n};\n}\n\n`;
  let text = example;
  for (let n = 0; text.split('\n').length < 1_000; n++) text += plain(n);
  return text;
}

/**
 * Keystrokes all over a file, then in functions that pin pages: a `;` or a blank in front of the end of a line, and
 * statements. The answer has the diagnostics of the new text.
 */
async function keystrokes(server: string, text: string, name: string): Promise<Row[]> {
  const session = new Session(server);
  await session.initialize();
  await session.open(text);
  // What was never run is slow: a user has typed before.
  for (let i = 0; i < 20; i++) await session.type(lineEnd(session.text, i / 20), ';');
  const anywhere: number[] = [];
  for (let i = 0; i < KEYSTROKES; i++) {
    anywhere.push(await session.type(lineEnd(session.text, (i * 0.618) % 1), ';'));
  }
  const pinning: number[] = [];
  for (let i = 0; i < KEYSTROKES; i++) {
    const calls = [...session.text.matchAll(/\b(?:pin_user_pages_fast|sev_pin_memory|sev_unpin_memory)\(/g)];
    const call = calls[i % calls.length]!;
    pinning.push(await session.type(session.text.indexOf('\n', call.index), ' '));
  }
  // A statement, character by character, behind a statement that pins or releases: its text means something else each time.
  const typing: number[] = [];
  for (let i = 0; i < STATEMENTS; i++) {
    const calls = [...session.text.matchAll(/\b(?:pin_user_pages_fast|sev_pin_memory|sev_unpin_memory)\(/g)];
    const call = calls[(i * 5) % calls.length]!;
    let at = session.text.slice(call.index).search(/[;{]\n/) + call.index + 1;
    for (const character of STATEMENT) typing.push(await session.type(at++, character));
  }
  const memory: number[] = [];
  for (let i = 0; i < 3 * LONG_SESSION; i++) {
    await session.type(lineEnd(session.text, (i * 0.618) % 1), i % 10 === 0 ? '(' : ' ');
    if ((i + 1) % LONG_SESSION === 0) memory.push(session.memory());
  }
  await session.end();
  const speed = (times: readonly number[]) => `${ms(median(times))}, p95 ${ms(quantile(times, 0.95))}`;
  return [
    { what: `keystroke to diagnostics, anywhere in ${name}`, figure: speed(anywhere), aim: 'median < 10 ms' },
    {
      what: 'keystroke to diagnostics, beside calls that pin',
      figure: speed(pinning),
      aim: 'median < 20 ms',
    },
    {
      what: 'keystroke to diagnostics, typing statements there',
      figure: speed(typing),
      aim: 'median < 20 ms',
    },
    {
      what: `server memory after 1, 2 and 3 times ${LONG_SESSION.toLocaleString('en')} edits`,
      figure: memory.map((megabytes) => `${megabytes.toFixed(0)} MB`).join(', '),
      aim: 'flat',
    },
  ];
}

/** Offset of the end of the line at a share of the text. */
function lineEnd(text: string, share: number): number {
  const end = text.indexOf('\n', Math.floor(share * text.length));
  return end < 0 ? text.length : end;
}

const ms = (time: number): string => `${time.toFixed(time < 10 ? 1 : 0)} ms`;
