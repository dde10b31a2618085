import { createClient } from "./client/client";
import { getMe, getMyAccess, listUsers, loginUser, logoutUser, registerUser, updateMe } from "./client";
import { ADMIN, BASE, EMAIL, PASSWORD, check } from "./check";

const anybody = createClient({ baseUrl: BASE });

async function logIn(email: string, password: string) {
  const { data, error } = await loginUser({ client: anybody, body: { email, password } });
  return { client: createClient({ baseUrl: BASE, auth: () => data?.data.access_token }), error };
}

async function main() {
  const { data: made } = await registerUser({
    client: anybody,
    body: { email: EMAIL, password: PASSWORD, locale: "zh" },
  });
  check(made?.data.email === EMAIL, "the account is made");

  const { client } = await logIn(EMAIL, PASSWORD);
  const { data: me } = await getMe({ client });
  check(me?.data.id === made.data.id, "it is me");
  const { data: patched } = await updateMe({ client, body: { nickname: "Ada" } });
  check(patched?.data.nickname === "Ada", "the nickname is changed");
  const { data: access } = await getMyAccess({ client });
  check(access?.data.locale === "zh", "what was left out stays as it is");

  const { client: admin } = await logIn(ADMIN, PASSWORD);
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const { data: page } = await listUsers({ client: admin, query: { limit: 1, cursor } });
    check(page, "there is a page");
    page.data.items.forEach((user) => seen.add(user.id));
    cursor = page.data.next_cursor ?? undefined;
  } while (cursor);
  check(seen.size > 1 && seen.has(made.data.id), "every user is on a page");

  const { error } = await logIn(EMAIL, "wrong");
  check(error?.code === "invalid_credentials", "the failure says why");
  // @ts-expect-error - a misspelt code does not compile
  check(error.code !== "invalid_credential", "codes are an enum");

  const { data: loggedOut } = await logoutUser({ client });
  check(loggedOut?.data === null, "logged out without a body");
}

main();
