#include "tls/stream.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace carillon::tls {

namespace {

// From the wire in one call of receive(): messages of the protocol itself give the owner nothing, and shall not keep
// everybody else waiting.
constexpr std::uint8_t reads_max = 4;

// For who speaks HTTP to a port that speaks TLS.
constexpr std::string_view not_encrypted = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                           "Content-Length: 38\r\nConnection: close\r\n\r\n"
                                           "This port speaks TLS: use https, wss.\n";
// For who speaks RESP.
constexpr std::string_view not_encrypted_resp = "-ERR this port speaks TLS\r\n";

} // namespace

// The stream as OpenSSL's source and sink.
struct wire_bio {
    static stream& of(BIO* bio) { return *static_cast<stream*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, std::size_t size, std::size_t* taken) {
        BIO_clear_retry_flags(bio);
        const int count = of(bio).read_wire({reinterpret_cast<std::byte*>(into), size});
        if (count < 0) BIO_set_retry_read(bio);
        *taken = static_cast<std::size_t>(std::max(count, 0));
        return count > 0 ? 1 : count;
    }

    static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) {
        BIO_clear_retry_flags(bio);
        *taken = of(bio).write_wire({reinterpret_cast<const std::byte*>(bytes), size}) ? size : 0;
        return *taken > 0 ? 1 : 0;
    }

    static long control(BIO* bio, int what, long, void*) {
        if (what == BIO_CTRL_FLUSH) return 1;
        return what == BIO_CTRL_EOF && of(bio).wire_ended_ ? 1 : 0;
    }

    static int create(BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
    }

    static const BIO_METHOD* method() {
        static const keys::owned<BIO_METHOD, BIO_meth_free> made = [] {
            keys::owned<BIO_METHOD, BIO_meth_free> how{BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire")};
            if (how == nullptr) return how;
            BIO_meth_set_read_ex(how.get(), read);
            BIO_meth_set_write_ex(how.get(), write);
            BIO_meth_set_ctrl(how.get(), control);
            BIO_meth_set_create(how.get(), create);
            return how;
        }();
        return made.get();
    }
};

std::unique_ptr<stream> stream::accept(std::shared_ptr<const certificates> with) {
    owned_ssl ssl = with->accept();
    return over(std::move(ssl), std::move(with));
}

std::unique_ptr<stream> stream::connect(const trust& with, const std::string& host) {
    return over(with.connect(host), nullptr);
}

std::unique_ptr<stream> stream::over(owned_ssl ssl, std::shared_ptr<const certificates> with) {
    BIO* const bio = ssl == nullptr ? nullptr : BIO_new(wire_bio::method());
    if (bio == nullptr) return nullptr;
    std::unique_ptr<stream> made{new stream{std::move(with)}};
    BIO_set_data(bio, made.get());
    SSL_set_bio(ssl.get(), bio, bio);
    made->ssl_ = std::move(ssl);
    return made;
}

// A count, 0 for the end and for a wire that is broken, or -1: nothing now.
int stream::read_wire(std::span<std::byte> into) {
    if (wire_ended_ || wire_error_ != 0) return 0;
    if (dry_ || reads_left_ == 0) return -1;
    --reads_left_;
    const long count = wire_->read(into);
    if (count == -EAGAIN || count == -EINTR) {
        dry_ = count == -EAGAIN;
        if (!dry_) reads_left_ = 0;
        return -1;
    }
    if (count < 0) {
        wire_error_ = static_cast<int>(-count);
        return 0;
    }
    if (!heard_ && count > 0) speaks_resp_ = into.front() == std::byte{'*'};
    heard_ = true;
    wire_ended_ = count == 0;
    dry_ = static_cast<std::size_t>(count) < into.size();
    return static_cast<int>(count);
}

bool stream::write_wire(std::span<const std::byte> bytes) {
    if (wire_error_ != 0) return false;
    if (unsent_.empty()) {
        long count = 0;
        do count = wire_->write(bytes);
        while (count == -EINTR);
        if (count < 0 && count != -EAGAIN) {
            wire_error_ = static_cast<int>(-count);
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(std::max(count, 0L)));
    }
    if (unsent_.size() + bytes.size() > unsent_bytes_max) {
        wire_error_ = ENOBUFS;
        return false;
    }
    unsent_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
}

stream::received stream::receive(wire& from, std::span<std::byte> into) {
    ERR_clear_error(); // SSL_get_error() looks at what is there
    wire_ = &from;
    reads_left_ = reads_max;
    dry_ = false;
    std::size_t total = 0;
    int why = SSL_ERROR_NONE;
    while (total < into.size()) {
        std::size_t count = 0;
        if (SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &count) != 1) {
            why = SSL_get_error(ssl_.get(), 0);
            break;
        }
        total += count;
    }
    if (!established_ && SSL_is_init_finished(ssl_.get()) == 1) {
        established_ = true;
        with_.reset();
    }
    if (why == SSL_ERROR_NONE) return {.bytes = total, .error = 0, .more = true};
    if (why == SSL_ERROR_WANT_READ) return {.bytes = total, .error = total == 0 ? EAGAIN : 0, .more = !dry_};
    return failed(from, why, total);
}

// The end, in order or not. What has come before it is told first.
stream::received stream::failed(wire& to, int why, std::size_t bytes) {
    if (why != SSL_ERROR_ZERO_RETURN) {
        const unsigned long first = ERR_peek_error();
        if (ERR_GET_LIB(first) == ERR_LIB_SSL && reason_ == 0)
            reason_ = static_cast<std::uint16_t>(ERR_GET_REASON(first));
        const std::string_view words = ERR_GET_REASON(first) == SSL_R_HTTP_REQUEST ? not_encrypted
                                       : speaks_resp_ && !established_             ? not_encrypted_resp
                                                                                   : std::string_view{};
        if (!words.empty() && !failed_ && wire_error_ == 0) (void)to.write(std::as_bytes(std::span{words}));
        failed_ = true;
    }
    ERR_clear_error();
    if (bytes > 0) return {.bytes = bytes, .error = 0, .more = true};
    if (wire_error_ != 0) return {.bytes = 0, .error = wire_error_, .more = false};
    const bool ended = why == SSL_ERROR_ZERO_RETURN || wire_ended_;
    return {.bytes = 0, .error = ended ? 0 : EPROTO, .more = false};
}

std::string stream::failure() const {
    if (is_doubted()) return X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
    const char* const words = reason_ == 0 ? nullptr : ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason_));
    return words == nullptr ? std::string{} : words;
}

stream::sent stream::send(wire& to, std::span<const std::byte> bytes) {
    if (const int why = flush(to)) return {.bytes = 0, .error = why};
    if (failed_ || finished_) return {.bytes = 0, .error = EPIPE};
    ERR_clear_error();
    wire_ = &to;
    std::size_t total = 0;
    while (total < bytes.size() && unsent_.empty()) {
        std::size_t count = 0;
        if (SSL_write_ex(ssl_.get(), bytes.data() + total, bytes.size() - total, &count) != 1) {
            failed_ = true;
            ERR_clear_error();
            return {.bytes = 0, .error = wire_error_ != 0 ? wire_error_ : EPROTO};
        }
        total += count;
    }
    return {.bytes = total, .error = 0};
}

int stream::flush(wire& to) {
    std::size_t done = 0;
    while (wire_error_ == 0 && done < unsent_.size()) {
        const long count = to.write(std::as_bytes(std::span{unsent_}.subspan(done)));
        if (count == -EINTR) continue;
        if (count == -EAGAIN) break;
        if (count < 0) {
            wire_error_ = static_cast<int>(-count);
        } else {
            done += static_cast<std::size_t>(count);
        }
    }
    if (done == unsent_.size()) {
        unsent_ = {}; // with its memory
    } else {
        unsent_.erase(0, done);
    }
    if (wire_error_ != 0) return wire_error_;
    return unsent_.empty() ? 0 : EAGAIN;
}

void stream::finish(wire& to) {
    if (failed_ || finished_ || !established_) return;
    finished_ = true;
    ERR_clear_error();
    wire_ = &to;
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

} // namespace carillon::tls
