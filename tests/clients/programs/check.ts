declare const process: { env: Record<string, string> };

export const { BASE, ADMIN, PASSWORD } = process.env;
export const EMAIL = `${crypto.randomUUID()}@example.com`;

export function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(`not so: ${what}`);
}
