// Compiles every pattern of an OpenAPI document as browsers do with <input pattern>.
import { readFileSync } from "node:fs";

let count = 0;
JSON.parse(readFileSync(process.argv[2], "utf8"), (key, value) => {
  if (key === "pattern" && typeof value === "string") {
    count += 1;
    new RegExp(`^(?:${value})$`, "v");
  }
  return value;
});
if (count === 0) throw new Error("the document has no pattern");
