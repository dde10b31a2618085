import { AuthApi, Configuration, InvalidCredentialsFailureFromJSON, ResponseError, UsersApi } from "./client";
import { ADMIN, BASE, EMAIL, PASSWORD, check } from "./check";

const anybody = new AuthApi(new Configuration({ basePath: BASE }));

async function logIn(email: string, password: string) {
  const { data } = await anybody.loginUser({ loginRequest: { email, password } });
  return new Configuration({ basePath: BASE, accessToken: data.accessToken });
}

async function main() {
  const { data: made } = await anybody.registerUser({
    registerRequest: { email: EMAIL, password: PASSWORD, locale: "zh" },
  });
  check(made.email === EMAIL, "the account is made");

  const user = await logIn(EMAIL, PASSWORD);
  const { data: me } = await new UsersApi(user).getMe();
  check(me.id === made.id && me.createdAt instanceof Date, "it is me");
  const { data: patched } = await new UsersApi(user).updateMe({ userUpdate: { nickname: "Ada" } });
  check(patched.nickname === "Ada", "the nickname is changed");
  const { data: access } = await new AuthApi(user).getMyAccess();
  check(access.locale === "zh", "what was left out stays as it is");

  const admin = new UsersApi(await logIn(ADMIN, PASSWORD));
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const { data: page } = await admin.listUsers({ limit: 1, cursor });
    page.items.forEach((one) => seen.add(one.id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  check(seen.size > 1 && seen.has(made.id), "every user is on a page");

  const refused = await anybody.loginUser({ loginRequest: { email: EMAIL, password: "wrong" } }).catch((error) => error);
  check(refused instanceof ResponseError && refused.response.status === 401, "the failure is one");
  const failure = InvalidCredentialsFailureFromJSON(await refused.response.json());
  check(failure.code === "invalid_credentials", "the failure says why");
  // @ts-expect-error - a misspelt code does not compile
  check(failure.code !== "invalid_credential", "codes are an enum");

  const loggedOut = await new AuthApi(user).logoutUser();
  check(loggedOut.data === null, "logged out without a body");
}

main();
