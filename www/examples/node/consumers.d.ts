// What the example uses of Node.js.

export function text(stream: unknown): Promise<string>;

declare global {
  const process: { readonly argv: string[]; readonly stdin: unknown };
}
