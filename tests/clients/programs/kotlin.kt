// The client's own calls want OkHttp 4. Here the JDK makes them, with the client's models.
import client.infrastructure.Serializer.gson
import client.models.*
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.util.UUID

val base: String = System.getenv("BASE")
val password: String = System.getenv("PASSWORD")
val email = "${UUID.randomUUID()}@example.com"
// Else Java offers HTTP/2 with the first request, and uvicorn, which has none, loses the body of that one.
val http: HttpClient = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()

fun ask(method: String, path: String, body: Any? = null, token: String? = null): String {
    val publisher = if (body == null) BodyPublishers.noBody() else BodyPublishers.ofString(gson.toJson(body))
    val request = HttpRequest.newBuilder(URI(base + path)).method(method, publisher)
    if (body != null) request.header("Content-Type", "application/json")
    if (token != null) request.header("Authorization", "Bearer $token")
    return http.send(request.build(), BodyHandlers.ofString()).body()
}

inline fun <reified T> read(json: String): T = gson.fromJson(json, T::class.java)

fun logIn(email: String): String =
    read<TokenPairResponse>(ask("POST", "/api/auth/login", LoginRequest(email = email, password = password))).data.accessToken

fun main() {
    val wanted = RegisterRequest(email = email, password = password, locale = RegisterRequest.Locale.zh)
    val made = read<UserReadResponse>(ask("POST", "/api/auth/register", wanted)).data
    check(made.email == email)

    val token = logIn(email)
    check(read<UserReadResponse>(ask("GET", "/api/users/me", token = token)).data.id == made.id)
    check(gson.toJson(UserUpdate(nickname = "Ada")) == """{"nickname":"Ada"}""")
    val patched = read<UserReadResponse>(ask("PATCH", "/api/users/me", UserUpdate(nickname = "Ada"), token)).data
    check(patched.nickname == "Ada")
    check(read<CallerReadResponse>(ask("GET", "/api/auth/me", token = token)).data.locale == "zh")

    val admin = logIn(System.getenv("ADMIN"))
    val seen = mutableSetOf<UUID>()
    var cursor: String? = ""
    while (cursor != null) {
        val query = if (cursor.isEmpty()) "?limit=1" else "?limit=1&cursor=$cursor"
        val page = read<UserDetailPageResponse>(ask("GET", "/api/users$query", token = admin)).data
        page.items.mapTo(seen) { it.id }
        cursor = page.nextCursor
    }
    check(seen.size > 1 && made.id in seen)

    val refused = read<InvalidCredentialsFailure>(ask("POST", "/api/auth/login", LoginRequest(email = email, password = "wrong")))
    check(refused.code == InvalidCredentialsFailure.Code.invalid_credentials)

    check(read<EmptyResponse>(ask("POST", "/api/auth/logout", token = token)).`data` == null)
}
