import { getMe, getMyAccess, listUsers, loginUser, logoutUser, registerUser, updateMe } from "./client/api";
import { updateMeBody } from "./client/zod";
import { ADMIN, EMAIL, PASSWORD, check } from "./check";

const bearer = (token: string): RequestInit => ({ headers: { Authorization: `Bearer ${token}` } });

async function logIn(email: string, password: string) {
  const answer = await loginUser({ email, password });
  check(answer.status === 200, "logged in");
  return bearer(answer.data.data.access_token);
}

async function main() {
  const made = await registerUser({ email: EMAIL, password: PASSWORD, locale: "zh" });
  check(made.status === 201 && made.data.data.email === EMAIL, "the account is made");

  const user = await logIn(EMAIL, PASSWORD);
  const me = await getMe(user);
  check(me.status === 200 && me.data.data.id === made.data.data.id, "it is me");
  const body = updateMeBody.parse({ nickname: "Ada" });
  check(JSON.stringify(body) === '{"nickname":"Ada"}', "the schema adds nothing");
  const patched = await updateMe(body, user);
  check(patched.status === 200 && patched.data.data.nickname === "Ada", "the nickname is changed");
  const access = await getMyAccess(user);
  check(access.status === 200 && access.data.data.locale === "zh", "what was left out stays as it is");

  const admin = await logIn(ADMIN, PASSWORD);
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await listUsers({ limit: 1, cursor }, admin);
    check(page.status === 200, "there is a page");
    page.data.data.items.forEach((one) => seen.add(one.id));
    cursor = page.data.data.next_cursor ?? undefined;
  } while (cursor);
  check(seen.size > 1 && seen.has(made.data.data.id), "every user is on a page");

  const refused = await loginUser({ email: EMAIL, password: "wrong" });
  check(refused.status === 401 && refused.data.code === "invalid_credentials", "the failure says why");
  // @ts-expect-error - a misspelt code does not compile
  check(refused.data.code !== "invalid_credential", "codes are an enum");

  const loggedOut = await logoutUser(undefined as never, user);
  check(loggedOut.status === 200 && loggedOut.data.data === null, "logged out without a body");
}

main();
