import { createHash } from 'node:crypto';
import type { ArchiveEntry, EntryFacts, PackedEntry } from '../../base/archive-entry.ts';
import type { ArchiveFormat } from '../../base/archive-format.ts';
import type { Micros } from '../../base/clock.ts';
import type { AppError } from '../../base/errors.ts';
import { problem } from '../../domain/problems.ts';
import type { TakeoutRow } from '../../store/schema.ts';
import { addTakeoutEntries, takeoutEntries, updateTakeout } from '../../store/takeouts.ts';
import type { App } from '../context.ts';
import { type MissingItem, missingReasons } from './taking.ts';

/**
 * What was sent of a takeout, so that it can be gone on with: for each entry a hash of its name, its sizes and hashes,
 * and where it ends in the archive. Entries before the point where a client goes on are passed over by it without their
 * pictures being read; those that were sent behind that point are made again and must be the same.
 */
export interface Ledger {
  /** What it knows of a file below `data/`: the facts of one that is not sent again, or why it was missing. */
  known(file: string): EntryFacts | MissingItem['reason'] | undefined;
  /** Notes that a file is missing. */
  onMissing(item: MissingItem): void;
  /** Packs an entry, unless it was sent. @throws AppError `PreconditionFailed` when it is not what was sent there. */
  pack(entry: ArchiveEntry): Promise<PackedEntry>;
  /** Passes entries on once they are written down: what a client has got is known, whatever ends this process. */
  written(entries: AsyncIterable<PackedEntry>): AsyncGenerator<PackedEntry>;
}

/** Which takeout is read, and how. */
export interface Reading {
  readonly takeout: TakeoutRow;
  readonly format: ArchiveFormat;
  /** The folder in the archive that everything lies in. */
  readonly folder: string;
  /** The client has the bytes before this one. */
  readonly from: number;
}

interface Noted {
  /** Where the entry after it begins. */
  readonly end: number;
  readonly facts: EntryFacts;
  readonly missing: MissingItem['reason'] | undefined;
}

/** Entries, or bytes of them, that wait to be written down together. */
const [heldEntries, heldBytes] = [256, 8 * 1024 * 1024];
/** kind 1, name 16, end 6, bytes 6, packed 6, CRC-32 4, SHA-256 32 */
const noteBytes = 71;

/** What a refusal to go on says. */
export const changed = (): AppError => problem('PreconditionFailed');

/** Reads what was written down of a takeout. */
export async function openLedger(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  { takeout, format, folder, from }: Reading,
): Promise<Ledger> {
  const parts = await takeoutEntries(app.db.query, app.keys, takeout);
  const notes = new Map<string, Noted>();
  let written = 0;
  for (const part of parts)
    for (let at = 0; at < part.length; at += noteBytes) {
      const [name, note] = decode(part.subarray(at, at + noteBytes));
      notes.set(name, note);
      written = Math.max(written, note.end);
    }
  let fresh: Buffer[] = [];
  let number = parts.length;
  let at = 0;
  let missing = takeout.missing;
  const inBag = (file: string): string => `${folder}/data/${file}`;

  const write = async (): Promise<void> => {
    if (fresh.length === 0) return;
    const entries = Buffer.concat(fresh);
    fresh = [];
    const used: Micros = app.clock.now();
    await app.db.transaction(async (tx) => {
      await addTakeoutEntries(tx, app.keys, takeout, number, entries);
      await updateTakeout(tx, takeout.id, { used, missing });
    });
    number++;
  };

  return {
    known(file) {
      const note = notes.get(nameHash(inBag(file)));
      if (note === undefined) return undefined;
      return note.missing ?? (note.end <= from ? note.facts : undefined);
    },
    onMissing({ file, reason }) {
      const name = nameHash(inBag(file));
      if (notes.has(name)) return;
      missing++;
      fresh.push(encode(name, { end: at, facts: nothing, missing: reason }));
    },
    async pack(entry) {
      const name = nameHash(entry.name);
      const note = notes.get(name);
      if (note === undefined && at < written) throw changed();
      const isSent = note !== undefined && note.end <= from;
      if (isSent && entry.exact && !note.facts.sha256.equals(sha256(entry.bytes!))) throw changed();
      const packed = isSent ? { ...entry, facts: note.facts, body: undefined } : await format.pack(entry);
      at += format.entryBytes(entry.name, packed.facts.packed);
      if (note === undefined) fresh.push(encode(name, { end: at, facts: packed.facts, missing: undefined }));
      else if (note.end !== at || !note.facts.sha256.equals(packed.facts.sha256)) throw changed();
      return packed;
    },
    async *written(entries) {
      let held: PackedEntry[] = [];
      let bytes = 0;
      for await (const entry of entries) {
        held.push(entry);
        bytes += entry.body?.length ?? 0;
        if (fresh.length > 0 && held.length < heldEntries && bytes < heldBytes) continue;
        await write();
        yield* held;
        [held, bytes] = [[], 0];
      }
      await write();
      yield* held;
    },
  };
}

const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();
const nameHash = (name: string): string => sha256(name).toString('latin1', 0, 16);
const nothing: EntryFacts = { bytes: 0, packed: 0, crc32: 0, sha256: Buffer.alloc(32) };

function encode(name: string, { end, facts, missing }: Noted): Buffer {
  const note = Buffer.alloc(noteBytes);
  note[0] = missing === undefined ? 0 : 1 + missingReasons.indexOf(missing);
  note.write(name, 1, 'latin1');
  for (const [at, value] of [end, facts.bytes, facts.packed].entries()) note.writeUIntLE(value, 17 + 6 * at, 6);
  note.writeUInt32LE(facts.crc32, 35);
  facts.sha256.copy(note, 39);
  return note;
}

function decode(note: Buffer): [name: string, Noted] {
  const [end, bytes, packed] = [17, 23, 29].map((at) => note.readUIntLE(at, 6)) as [number, number, number];
  const facts = { bytes, packed, crc32: note.readUInt32LE(35), sha256: note.subarray(39) };
  const missing = note[0] === 0 ? undefined : missingReasons[note[0]! - 1];
  return [note.toString('latin1', 1, 17), { end, facts, missing }];
}
