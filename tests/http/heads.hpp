#pragma once

#include <string>
#include <string_view>

namespace carillon::http::test {

/// A request head as a real client sends it, and what must be read from it.
struct client_head {
    std::string_view name;
    std::string_view bytes;
    std::size_t fields;
    bool upgrade;
};

inline constexpr client_head client_heads[] = {
    {"Chrome",
     "GET /connection/websocket HTTP/1.1\r\nHost: ring.example.org\r\nConnection: Upgrade\r\nPragma: no-cache\r\n"
     "Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: https://app.example.org\r\n"
     "Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"
     "Cookie: sid=a1b2c3d4; theme=dark\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
     "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
     13, true},
    {"Firefox, whose Connection is a list",
     "GET /connection/websocket?v=2 HTTP/1.1\r\nHost: ring.example.org:8443\r\nUser-Agent: Mozilla/5.0 (X11; Linux "
     "x86_64; rv:132.0) Gecko/20100101 Firefox/132.0\r\nAccept: */*\r\nAccept-Language: en-US,en;q=0.5\r\n"
     "Accept-Encoding: gzip, deflate, br, zstd\r\nSec-WebSocket-Version: 13\r\nOrigin: https://app.example.org\r\n"
     "Sec-WebSocket-Protocol: centrifuge-protobuf\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
     "Sec-WebSocket-Key: 0IK9vwXW1bwvuJnN6HqBSA==\r\nDNT: 1\r\nSec-GPC: 1\r\nConnection: keep-alive, Upgrade\r\n"
     "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: websocket\r\nSec-Fetch-Site: same-site\r\nPragma: no-cache\r\n"
     "Cache-Control: no-cache\r\nUpgrade: websocket\r\n\r\n",
     19, true},
    {"Safari",
     "GET /connection/websocket HTTP/1.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
     "8xTmdpHGqkhvkqL8vnvBHg==\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: "
     "permessage-deflate\r\nHost: ring.example.org\r\nOrigin: https://app.example.org\r\nUser-Agent: Mozilla/5.0 "
     "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15\r\n"
     "Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n",
     10, true},
    {"the ws package of Node.js",
     "GET /connection/websocket HTTP/1.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
     "uEAgiPS1L9dDIqMFSOLlEQ==\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: "
     "permessage-deflate; client_max_window_bits\r\nHost: localhost:8000\r\n\r\n",
     6, true},
    {"gorilla/websocket of Go",
     "GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: Go-http-client/1.1\r\nConnection: "
     "Upgrade\r\nSec-WebSocket-Key: Yq7sXnbDCNBGvsxNeCPIVg==\r\nSec-WebSocket-Version: 13\r\nUpgrade: "
     "websocket\r\n\r\n",
     6, true},
    {"websockets of Python",
     "GET /connection/websocket HTTP/1.1\r\nHost: [::1]:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Key: lTFTUkPRlSkDl1qCPAHpOw==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: "
     "permessage-deflate; client_max_window_bits\r\nUser-Agent: Python/3.11 websockets/13.1\r\n\r\n",
     7, true},
    {"an HTTP/1.1 proxy that writes names in lower case",
     "GET /connection/websocket HTTP/1.1\r\nhost: ring.example.org\r\nx-forwarded-for: 203.0.113.9\r\nupgrade: "
     "WebSocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: "
     "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     6, true},
    {"curl", "GET /livez HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n", 3, false},
    {"curl that offers HTTP/2",
     "GET /livez HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nConnection: Upgrade, "
     "HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
     6, false},
    {"a back end that publishes",
     "POST /api/publish HTTP/1.1\r\nHost: ring.internal\r\nX-API-Key: k\r\nContent-Type: application/json\r\n"
     "Content-Length: 2\r\n\r\n",
     4, false},
};

/// A head that is accepted; `more` are whole lines put at its end.
inline std::string upgrade_head(std::string_view more = {}) {
    return std::string{"GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"} +
           std::string{more} + "\r\n";
}

} // namespace carillon::http::test
