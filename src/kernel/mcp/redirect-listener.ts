/** A listener on the loopback address for one OAuth redirect. Only `kernel mcp auth` opens one, and only while it runs. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface RedirectListener {
  /** To be given to the authorization server. */
  readonly url: string;
  readonly port: number;
  /** Settles with the parameters of the first redirect that carries `state`. */
  readonly arrived: Promise<URLSearchParams>;
  close(): Promise<void>;
}

const PATH = "/callback";

/** Listens on `port` when it is free, else on any. Requests without the right state are refused. */
export async function openRedirectListener(port: number, state: string): Promise<RedirectListener> {
  let arrive: (params: URLSearchParams) => void = () => {};
  const arrived = new Promise<URLSearchParams>((resolve) => {
    arrive = resolve;
  });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (request.method !== "GET" || url.pathname !== PATH) return answer(response, 404, "Not found.");
    if (url.searchParams.get("state") !== state) return answer(response, 400, "This is not the expected answer.");
    answer(response, 200, "Done. You can close this window and go back to the terminal.");
    arrive(url.searchParams);
  });
  const listen = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(wanted, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(port).catch(() => listen(0));
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}${PATH}`,
    port: bound,
    arrived,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(text);
}
