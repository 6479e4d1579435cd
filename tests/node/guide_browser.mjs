// What the programs of docs/guide need that not every Node has, and, with a URL as argument, a browser as small as its pages allow:
// it fetches the page, keeps its cookies, and runs its scripts. What they append to an element is printed.
import { runInThisContext } from 'node:vm';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

globalThis.WebSocket ??= WebSocket;   // Node 22 has it

async function open(url) {
  const answer = await fetch(url);
  const cookie = answer.headers.getSetCookie().map((each) => each.split(';')[0]).join('; ');
  const page = await answer.text();
  await (await fetch(new URL('/favicon.ico', url))).text();   // as every browser does, whether there is one or not
  const fetchAsBefore = fetch;
  globalThis.fetch = (path, options) => fetchAsBefore(new URL(path, url), options);
  globalThis.WebSocket = class extends WebSocket {
    constructor(address) {   // as browsers do: with the page's origin, and the host's cookies whatever the port
      super(address, { origin: new URL(url).origin, headers: cookie ? { Cookie: cookie } : {} });
    }
  };
  globalThis.document = {
    createElement: () => ({}),
    querySelector: (selector) => {
      if (!page.includes(`id="${selector.slice(1)}"`)) throw new Error(`the page has no ${selector}`);
      return { append: ({ textContent }) => console.log(textContent) };
    },
  };
  for (const [, src, text] of page.matchAll(/<script(?: src="([^"]+)")?>([\s\S]*?)<\/script>/g)) {
    runInThisContext(src ? await (await fetch(src)).text() : text);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await open(process.argv[2]);
