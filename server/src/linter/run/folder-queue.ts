/**
 * Folders that wait to be walked, in memory that threads share: each thread takes one, and puts what is below it back.
 * So the work spreads itself however a tree is shaped.
 */

const LOCK = 0;
const HEAD = 1;
const TAIL = 2;
const OPEN = 3;
const WAITING = 4;
const HEADER_BYTES = 64;
/** Room for all paths of a run; a path that does not fit stays with the thread that found it. */
const CAPACITY = 16 << 20;

/** A folder: which of the run's roots it is below, and its path from there, with a slash at its end, or ''. */
export interface QueuedFolder {
  readonly root: number;
  readonly below: string;
}

export class FolderQueue {
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #bytes: Buffer;
  readonly #own: QueuedFolder[] = [];

  /** A new queue, or the one in another thread's `memory`. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(HEADER_BYTES + CAPACITY)) {
    this.memory = memory;
    this.#numbers = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.#bytes = Buffer.from(memory, HEADER_BYTES);
  }

  /** Folders that wait. */
  get waiting(): number {
    return Atomics.load(this.#numbers, WAITING);
  }

  /** Every folder has been taken and finished, or the work was abandoned. */
  get isDone(): boolean {
    return Atomics.load(this.#numbers, OPEN) <= 0;
  }

  /** Ends the work of all threads, whatever still waits. */
  abandon(): void {
    Atomics.store(this.#numbers, OPEN, -0x40000000);
  }

  push(folder: QueuedFolder): void {
    Atomics.add(this.#numbers, OPEN, 1);
    const text = `${folder.root} ${folder.below}`;
    this.#lock();
    const tail = this.#numbers[TAIL]!;
    const length = Buffer.byteLength(text);
    const fits = tail + 4 + length <= this.#bytes.length;
    if (fits) {
      this.#bytes.writeInt32LE(length, tail);
      this.#bytes.write(text, tail + 4);
      this.#numbers[TAIL] = tail + 4 + length;
      Atomics.add(this.#numbers, WAITING, 1);
    }
    this.#unlock();
    if (!fits) this.#own.push(folder);
  }

  /** A folder to walk now; undefined where none waits, though one may come as long as not `isDone`. */
  take(): QueuedFolder | undefined {
    const own = this.#own.pop();
    if (own !== undefined) return own;
    this.#lock();
    const head = this.#numbers[HEAD]!;
    let text: string | undefined;
    if (head < this.#numbers[TAIL]!) {
      const end = head + 4 + this.#bytes.readInt32LE(head);
      text = this.#bytes.toString('utf8', head + 4, end);
      this.#numbers[HEAD] = end;
      Atomics.sub(this.#numbers, WAITING, 1);
    }
    this.#unlock();
    if (text === undefined) return undefined;
    const blank = text.indexOf(' ');
    return { root: Number(text.slice(0, blank)), below: text.slice(blank + 1) };
  }

  /** Says that a folder that was taken has been walked, with all below it put into the queue. */
  finish(): void {
    Atomics.sub(this.#numbers, OPEN, 1);
  }

  #lock(): void {
    while (Atomics.compareExchange(this.#numbers, LOCK, 0, 1) !== 0) Atomics.wait(this.#numbers, LOCK, 1, 1);
  }

  #unlock(): void {
    Atomics.store(this.#numbers, LOCK, 0);
    Atomics.notify(this.#numbers, LOCK, 1);
  }
}
