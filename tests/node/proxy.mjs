// A real proxy in front of a gateway, on a port of its own, with a folder of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const host = '127.0.0.1';
const startAttempts = 5;
const startLimitMs = 20_000;

/** How an nginx is started whose `http` has `body(port, gateway)`: two ports, its own and the gateway's. */
export const nginxWith = (body) => ({
  command: (folder) => ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', join(folder, 'proxy.conf')],
  configuration: (folder, port, gateway) => `
daemon off;
master_process off;
pid ${folder}/proxy.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${body(port, gateway)}
}`,
});

async function freePort() {
  const server = net.createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when something accepts at the port; false when `gone()` says that it never will. */
async function accepts(port, gone) {
  const end = Date.now() + startLimitMs;
  while (Date.now() < end && !gone()) {
    const socket = net.connect(port, host);
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      await pause(20);
    } finally {
      socket.destroy();
    }
  }
  return false;
}

/** One process of a proxy: `up` says whether it accepts, `end` kills it. */
function run([program, ...parameters], port) {
  const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  let ended = false;
  child.stderr.on('data', (data) => { log += data; });
  child.on('error', (error) => { log += error; ended = true; });
  child.on('exit', () => { ended = true; });
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  return {
    up: () => accepts(port, () => ended),
    log: () => log,
    end: async () => {
      const exit = ended || once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
      process.off('exit', reap);
    },
  };
}

/**
 * Starts a proxy of `kind` (its name, command and configuration) in front of the gateway: `cut()` ends it with all that goes
 * through it, `back()` starts it again on the same port.
 */
export async function startProxy(kind, gateway) {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-proxy-'));
  const start = async (port) => {
    await writeFile(join(folder, 'proxy.conf'), kind.configuration(folder, port, gateway.ports.client));
    const process = run(kind.command(folder), port);
    if (await process.up()) return process;
    await process.end();
    throw new Error(`${kind.name} did not start:\n${process.log()}`);
  };
  // Somebody may take the free port before the proxy does.
  for (let attempt = 1; ; ++attempt) {
    const port = await freePort();
    try {
      let process = await start(port);
      return {
        port,
        cut: () => process.end(),
        back: async () => { process = await start(port); },
        stop: async () => {
          await process.end();
          await rm(folder, { recursive: true, force: true });
        },
      };
    } catch (error) {
      if (attempt === startAttempts) throw error;
    }
  }
}
