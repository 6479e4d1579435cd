// What an idle HTTP/2 connection holds in nghttp2, with some WebSockets open on it (RFC 8441): bytes of the process, no
// sockets, no TLS. Arguments: sessions, streams on each, and "small" for a server that lets its clients compress
// nothing by memory (SETTINGS_HEADER_TABLE_SIZE 0, no table of its own).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <string>
#include <string_view>
#include <vector>

namespace {

nghttp2_nv field(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// Nothing to say now: the stream stays open and idle.
ssize_t nothing(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t, std::uint32_t*, nghttp2_data_source*,
                void*) {
    return NGHTTP2_ERR_DEFERRED;
}

int answer(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const nghttp2_nv fields[] = {field(":status", "200")};
    nghttp2_data_provider none{{.ptr = nullptr}, nothing};
    return nghttp2_submit_response(session, frame->hd.stream_id, fields, 1, &none);
}

std::string said(nghttp2_session* session) {
    std::string all;
    const std::uint8_t* part = nullptr;
    for (ssize_t size; (size = nghttp2_session_mem_send(session, &part)) > 0;)
        all.append(reinterpret_cast<const char*>(part), std::size_t(size));
    return all;
}

void hear(nghttp2_session* session, const std::string& bytes) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (nghttp2_session_mem_recv(session, data, bytes.size()) != ssize_t(bytes.size())) std::abort();
}

nghttp2_session_callbacks* callbacks(bool answers) {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    if (answers) nghttp2_session_callbacks_set_on_frame_recv_callback(made, answer);
    return made;
}

} // namespace

int main(int argc, char** argv) {
    const int sessions = argc > 1 ? std::atoi(argv[1]) : 10'000, streams = argc > 2 ? std::atoi(argv[2]) : 1;
    const bool small = argc > 3 && std::strcmp(argv[3], "small") == 0;
    nghttp2_option* how = nullptr;
    nghttp2_option_new(&how);
    nghttp2_option_set_no_closed_streams(how, 1);
    nghttp2_option_set_no_auto_window_update(how, 1);
    if (small) nghttp2_option_set_max_deflate_dynamic_table_size(how, 0);
    nghttp2_session_callbacks *const of_server = callbacks(true), *const of_client = callbacks(false);
    std::vector<nghttp2_session*> all;
    all.reserve(std::size_t(sessions));
    const std::string cookie = "session=" + std::string(200, 'c');
    const nghttp2_nv request[] = {
        field(":method", "CONNECT"),
        field(":protocol", "websocket"),
        field(":scheme", "https"),
        field(":path", "/connection/websocket"),
        field(":authority", "notify.example.com"),
        field("origin", "https://www.example.com"),
        field("user-agent",
              "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"),
        field("accept-language", "en-GB,en;q=0.9"),
        field("cache-control", "no-cache"),
        field("pragma", "no-cache"),
        field("cookie", cookie),
        field("sec-websocket-version", "13"),
        field("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")};
    std::size_t before = 0;
    for (int i = 0; i <= sessions; ++i) {
        if (i == 1) before = mallinfo2().uordblks; // the first pays for what is made once
        nghttp2_session *server = nullptr, *client = nullptr;
        nghttp2_session_server_new2(&server, of_server, nullptr, how);
        nghttp2_session_client_new(&client, of_client, nullptr);
        std::vector<nghttp2_settings_entry> settings{{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}};
        if (small) settings.push_back({NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0});
        nghttp2_submit_settings(server, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
        nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, nullptr, 0);
        const auto talk = [&] {
            for (int turn = 0; turn < 4; ++turn) {
                hear(server, said(client));
                hear(client, said(server));
            }
        };
        talk();
        for (int j = 0; j < streams; ++j) {
            nghttp2_data_provider none{{.ptr = nullptr}, nothing};
            if (nghttp2_submit_request(client, nullptr, request, std::size(request), &none, nullptr) < 0) std::abort();
        }
        talk();
        nghttp2_session_del(client);
        all.push_back(server);
        if (nghttp2_session_get_stream_effective_recv_data_length(server, 1) < 0 ||
            nghttp2_session_get_last_proc_stream_id(server) != 2 * streams - 1)
            std::abort();
    }
    std::printf("nghttp2 %s, %d streams%s: %.0f bytes a connection\n", NGHTTP2_VERSION, streams, small ? ", small" : "",
                double(mallinfo2().uordblks - before) / sessions);
}
