// The one translation unit of this room that compiles Beast and Asio (BOOST_BEAST_SEPARATE_COMPILATION). Only the
// parser of HTTP is used of them.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
