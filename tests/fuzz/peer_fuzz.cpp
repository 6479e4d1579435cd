/// \file
/// libFuzzer target of what proxies say of a connection: the PROXY header, split where the first byte says, and the
/// fields of a request.

#include "base/check.hpp"
#include "peer/forwarded.hpp"
#include "peer/proxy_header.hpp"
#include "sayings.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::peer {
namespace {

using namespace std::string_view_literals;

constexpr std::array<std::string_view, 16> sayings{
    "PROXY "sv,
    "TCP4 "sv,
    "TCP6 "sv,
    "UNKNOWN"sv,
    "192.0.2.7 "sv,
    "2001:db8::7 "sv,
    "4711 "sv,
    "\r\n"sv,
    "\r\n\r\n\0\r\nQUIT\n"sv,
    "\x21\x11\0\x0c"sv,
    "\x20\0\0\0"sv,
    "\xe0\0\x04"sv,
    ", for="sv,
    "\"[2001:db8::7]:80\""sv,
    "10.0.0.2"sv,
    "unknown"sv,
};

void check_header(std::string_view bytes, std::size_t cut) {
    proxy_header whole, part;
    const header_outcome outcome = read_proxy_header(bytes, whole);
    const header_outcome before = read_proxy_header(bytes.substr(0, cut), part);
    CHECK(before == outcome || before == header_outcome::need_more);
    if (before == header_outcome::complete) CHECK(part.bytes == whole.bytes && part.source == whole.source);
    if (outcome != header_outcome::complete) return;
    CHECK(whole.bytes > 0 && whole.bytes <= bytes.size() && whole.bytes <= proxy_header_bytes_max);
    CHECK(read_proxy_header(bytes.substr(0, whole.bytes - 1), part) == header_outcome::need_more);
}

void check_chain(std::string_view line, forwarding field) {
    static const std::vector<std::string> proxies{"10.0.0.0/8"};
    static const trusted known{proxies};
    forwarded_chain chain{field, known};
    chain.take(line);
    if (chain.client()) CHECK(read_address(to_text(*chain.client())) == chain.client());
    // What comes last is the proxy's word, whatever stands before it.
    const std::string appended =
        std::string{line} + (field == forwarding::forwarded ? ", for=192.0.2.7" : ", 192.0.2.7");
    chain.take(appended);
    CHECK(chain.client() == read_address("192.0.2.7"));
}

} // namespace
} // namespace carillon::peer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace carillon::peer;
    if (size == 0) return 0;
    const std::string input = carillon::fuzz::spelled_out({reinterpret_cast<const char*>(data) + 1, size - 1}, sayings);
    check_header(input, input.size() * data[0] / 255);
    for (const forwarding field : {forwarding::x_forwarded_for, forwarding::forwarded, forwarding::x_real_ip})
        check_chain(input, field);
    return 0;
}
