#include "tls/socket_wire.hpp"
#include "wires/wire.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <utility>

// TLS between a wire and its socket.
namespace carillon::wires {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

error_code meaning_of(int why) {
    return why == 0 ? error_code{asio::error::eof} : error_code{why, boost::system::system_category()};
}

} // namespace

wire::wire(asio::io_context& context, std::function<void()> wake) : socket_{context}, wake_{std::move(wake)} {}

wire::~wire() = default;

std::string wire::encrypt(const tls::trust_terms& how, const std::string& host) {
    std::shared_ptr<const tls::trust> read;
    if (auto why = tls::trust::read(how, read)) return std::move(*why);
    encrypted_ = tls::stream::connect(*read, host);
    host_ = host;
    return encrypted_ ? std::string{} : "OpenSSL cannot begin a connection to " + host;
}

void wire::close() {
    ++connection_;
    if (encrypted_ && socket_.is_open()) {
        tls::socket_wire below{socket_.native_handle()};
        encrypted_->finish(below);
    }
    encrypted_.reset();
    reading_ = writing_ = readable_ = false;
    error_code ignored;
    socket_.close(ignored);
}

bool wire::writable() const noexcept { return !writing_ && (!encrypted_ || encrypted_->established()); }

std::size_t wire::read_encrypted(std::span<char> into, error_code& failed) {
    failed.clear();
    tls::socket_wire below{socket_.native_handle()};
    const auto got = encrypted_->receive(below, std::as_writable_bytes(into));
    if (encrypted_->has_unsent()) await_writable();
    if (got.bytes > 0) return got.bytes;
    if (got.error == EAGAIN) {
        if (got.more) return 0; // it was all of the protocol's own; there may be more
        readable_ = false;
        await_readable();
        return 0;
    }
    readable_ = false;
    failed = meaning_of(got.error);
    return 0;
}

std::size_t wire::write_encrypted(std::string_view bytes, error_code& failed) {
    failed.clear();
    if (!encrypted_->established()) return 0; // read() will be heard of
    tls::socket_wire below{socket_.native_handle()};
    const auto sent = encrypted_->send(below, std::as_bytes(std::span{bytes}));
    if (sent.error == EAGAIN || encrypted_->has_unsent()) await_writable();
    if (sent.error != 0 && sent.error != EAGAIN) failed = meaning_of(sent.error);
    return sent.bytes;
}

// What has been encrypted is not the owner's any more, and goes without him.
void wire::on_writable() {
    if (encrypted_) {
        tls::socket_wire below{socket_.native_handle()};
        const int why = encrypted_->flush(below);
        if (why == EAGAIN) return await_writable();
        if (why != 0) readable_ = true; // where the failure is found
    }
    wake_();
}

std::string wire::why(const error_code& failed) const {
    if (!encrypted_) return failed.message();
    const std::string cause = encrypted_->failure();
    if (encrypted_->is_doubted())
        return fmt::format("TLS: the certificate is not taken as that of {}: {}", host_, cause);
    if (!cause.empty()) return "TLS: " + cause;
    if (!encrypted_->established() && failed == asio::error::eof)
        return "the connection was ended in the middle of the TLS handshake";
    return failed.message();
}

} // namespace carillon::wires
