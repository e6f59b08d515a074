import { limits } from '../domain/limits.ts';
import { type ProblemCode, problem } from '../domain/problems.ts';

/**
 * A name fit to be kept: trimmed, 1 to 128 characters, no control characters.
 * @throws AppError `code`, saying what was expected and how long the text was.
 */
export function checkedName(code: ProblemCode, what: string, text: string): string {
  const name = text.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (name === '' || name.length > limits.nameLength || /[\u0000-\u001f\u007f]/.test(name))
    throw problem(
      code,
      `Expected 1 to ${limits.nameLength} characters without control characters for ${what} but received ${name.length}.`,
    );
  return name;
}

/** A name with a number after it, cut so that both fit: `Fruit (2)`. */
export function numberedName(name: string, number: number): string {
  const end = ` (${number})`;
  return `${name.slice(0, limits.nameLength - end.length)}${end}`;
}
