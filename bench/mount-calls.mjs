/** `node bench/mount-calls.mjs IMAGE DIRECTORY STORE`: the milliseconds that each of six `mountImage()` of one program takes, as JSON. */
import { mountImage, unmountImage } from "../dist/index.js";

const [image = "", directory = "", store = ""] = process.argv.slice(2);
const times = [];
for (let call = 0; call < 6; call++) {
  const start = performance.now();
  await mountImage(image, directory, { store });
  times.push(performance.now() - start);
  await unmountImage(directory, { store });
}
console.log(JSON.stringify(times));
