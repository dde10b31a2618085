import createClient from "openapi-fetch";
import type { paths } from "./client/schema";
import { ADMIN, BASE, EMAIL, PASSWORD, check } from "./check";

async function logIn(email: string, password: string) {
  const client = createClient<paths>({ baseUrl: BASE });
  const { data, error } = await client.POST("/api/auth/login", { body: { email, password } });
  if (data) {
    client.use({ onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${data.data.access_token}`) });
  }
  return { client, error };
}

async function main() {
  const { data: made } = await createClient<paths>({ baseUrl: BASE }).POST("/api/auth/register", {
    body: { email: EMAIL, password: PASSWORD, locale: "zh" },
  });
  check(made?.data.email === EMAIL, "the account is made");

  const { client } = await logIn(EMAIL, PASSWORD);
  const { data: me } = await client.GET("/api/users/me");
  check(me?.data.id === made.data.id, "it is me");
  const { data: patched } = await client.PATCH("/api/users/me", { body: { nickname: "Ada" } });
  check(patched?.data.nickname === "Ada", "the nickname is changed");
  const { data: access } = await client.GET("/api/auth/me");
  check(access?.data.locale === "zh", "what was left out stays as it is");

  const { client: admin } = await logIn(ADMIN, PASSWORD);
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const { data: page } = await admin.GET("/api/users", { params: { query: { limit: 1, cursor } } });
    check(page, "there is a page");
    page.data.items.forEach((user) => seen.add(user.id));
    cursor = page.data.next_cursor ?? undefined;
  } while (cursor);
  check(seen.size > 1 && seen.has(made.data.id), "every user is on a page");

  const { error } = await logIn(EMAIL, "wrong");
  check(error?.code === "invalid_credentials", "the failure says why");
  // @ts-expect-error - a misspelt code does not compile
  check(error.code !== "invalid_credential", "codes are an enum");
  const { error: refused } = await client.GET("/api/users");
  check(refused?.code === "permission_denied", "who may not is told so");

  const { data: loggedOut } = await client.POST("/api/auth/logout");
  check(loggedOut?.data === null, "logged out without a body");
}

main();
