#include "program/failure.hpp"

#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace carillon::program {
namespace {

boost::system::system_error failed(int number, const char* what) {
    static constexpr boost::source_location place{"/usr/include/boost/asio/detail/thing.hpp", 161, "do_it"};
    return boost::system::system_error{boost::system::error_code{number, boost::system::system_category(), &place},
                                       what};
}

TEST(failure, says_what_and_what_to_do_and_no_places_in_libraries) {
    EXPECT_EQ(in_words(failed(EADDRINUSE, "cannot listen on 127.0.0.1:80")),
              "cannot listen on 127.0.0.1:80: Address already in use; another program, or another one of this, has the "
              "address: end it, or give another address");
    EXPECT_EQ(in_words(failed(EIO, "cannot read")), "cannot read: Input/output error");
    for (const int number : {EADDRNOTAVAIL, EACCES, EPERM, EAFNOSUPPORT, EMFILE, ENFILE, EAGAIN, ENOMEM, ENOBUFS}) {
        const std::string words = in_words(failed(number, "cannot"));
        EXPECT_EQ(words.find(".hpp"), words.npos) << words;
        EXPECT_NE(words.find("; "), words.npos) << words;
    }
    EXPECT_NE(in_words(std::system_error{EAGAIN, std::generic_category(), "cannot start a thread"})
                  .find("Resource temporarily unavailable; raise the limit on threads"),
              std::string::npos);
    EXPECT_NE(in_words(std::bad_alloc{}).find("not enough memory"), std::string::npos);
    EXPECT_EQ(in_words(std::runtime_error{"as it is"}), "as it is");
}

} // namespace
} // namespace carillon::program
