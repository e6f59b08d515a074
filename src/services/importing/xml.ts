import { AppError, expected } from '../../base/errors.ts';

/** An element: its name, the text directly in it, and the elements in it. */
export interface Element {
  readonly name: string;
  text: string;
  readonly children: Element[];
}

const deepest = 32;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * The root of a small XML document, read strictly and in one pass: no document type, so no entities but the five and
 * numbers; attributes are passed over. @throws AppError `BadRequestImageTags` saying what is wrong.
 */
export function parseXml(text: string): Element {
  const root: Element = { name: '', text: '', children: [] };
  const open = [root];
  for (let at = 0; at < text.length; ) {
    const top = open.at(-1)!;
    const start = text.indexOf('<', at);
    top.text += unescaped(text.slice(at, start < 0 ? text.length : start));
    if (start < 0) break;
    if (text.startsWith('<!--', start)) at = after(text, '-->', start + 4);
    else if (text.startsWith('<?', start)) at = after(text, '?>', start);
    else if (text.startsWith('<![CDATA[', start)) {
      at = after(text, ']]>', start);
      top.text += text.slice(start + 9, at - 3);
    } else if (text.startsWith('<!', start)) throw bad('no document type', 'one');
    else {
      const end = after(text, '>', start);
      const inside = text.slice(start + 1, end - 1);
      at = end;
      if (inside.startsWith('/')) {
        if (open.length === 1 || inside.slice(1).trim() !== top.name)
          throw bad(`the end of ${top.name}`, inside.slice(0, 40));
        open.pop();
      } else {
        const name = /^[\p{L}_][\p{L}\p{N}_.:-]{0,100}/u.exec(inside)?.[0];
        if (name === undefined) throw bad('the name of an element', inside.slice(0, 40));
        const element: Element = { name, text: '', children: [] };
        top.children.push(element);
        if (!inside.endsWith('/') && open.push(element) > deepest) throw bad(`at most ${deepest} levels`, 'more');
      }
    }
  }
  const [only, second] = root.children;
  if (open.length > 1) throw bad(`the end of ${open.at(-1)!.name}`, 'none');
  if (only === undefined || second !== undefined) throw bad('one root', second === undefined ? 'none' : 'several');
  return only;
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  if (at < 0) throw bad(mark, 'the end of the file');
  return at + mark.length;
}

const unescaped = (text: string): string =>
  text.replaceAll(/&(#x[0-9a-f]{1,6}|#\d{1,7}|\w{1,8});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole;
    const code = name[1] === 'x' || name[1] === 'X' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });

const bad = (what: string, received: string): AppError =>
  new AppError('BadRequestImageTags', expected(what, 'the XML', received));

/** The first element of a name within another, or its text. */
export const child = (element: Element, name: string): Element | undefined =>
  element.children.find((one) => one.name === name);

/** The text of the first element of a name; `''` without one. */
export const textIn = (element: Element | undefined, name: string): string =>
  (element === undefined ? '' : (child(element, name)?.text ?? '')).trim();
