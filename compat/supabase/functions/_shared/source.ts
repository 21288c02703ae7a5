// The name of a monitor.

/** Longest name, in characters. */
const MAX_CHARACTERS = 128;

/** Whether the text could name a source: 1 to 128 characters, none of them a control character. */
export function isSourceName(text: string): boolean {
  if (text === "" || text.length > 2 * MAX_CHARACTERS || !text.isWellFormed()) return false;
  return [...text].length <= MAX_CHARACTERS && !/\p{Cc}/u.test(text);
}
