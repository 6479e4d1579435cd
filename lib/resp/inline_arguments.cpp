#include "resp/inline_arguments.hpp"

#include <cstddef>

namespace carillon::resp {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Redis skips six kinds of blank between words but ends a word at four only: VT and FF inside a word belong to it.
bool ends_word(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

char unescaped(char c) noexcept {
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/// Walks over a line; every function leaves `rest` after what it has read.
struct splitter {
    std::string_view rest;
    std::string& bytes;

    bool closes_well() const noexcept { return rest.empty() || is_blank(rest.front()); }

    void read_escape() {
        if (rest.size() >= 4 && rest[1] == 'x' && hex_digit(rest[2]) >= 0 && hex_digit(rest[3]) >= 0) {
            bytes.push_back(static_cast<char>(hex_digit(rest[2]) * 16 + hex_digit(rest[3])));
            rest.remove_prefix(4);
        } else {
            bytes.push_back(unescaped(rest[1]));
            rest.remove_prefix(2);
        }
    }

    /// After an opening quote. False: it is not closed, or not closed well.
    bool read_quoted(char quote) {
        while (!rest.empty()) {
            const bool escape = rest.front() == '\\' && rest.size() >= 2;
            if (escape && quote == '"') {
                read_escape();
            } else if (escape && rest[1] == '\'') {
                bytes.push_back('\'');
                rest.remove_prefix(2);
            } else {
                const char c = rest.front();
                rest.remove_prefix(1);
                if (c == quote) return closes_well();
                bytes.push_back(c);
            }
        }
        return false;
    }

    /// One argument. A closing quote ends it, as closes_well() has seen to.
    bool read_word() {
        while (!rest.empty() && !ends_word(rest.front())) {
            const char c = rest.front();
            rest.remove_prefix(1);
            if (c == '"' || c == '\'') return read_quoted(c);
            bytes.push_back(c);
        }
        return true;
    }
};

} // namespace

bool split_inline(std::string_view line, std::string& bytes, std::vector<place>& places) {
    splitter words{line, bytes};
    for (;;) {
        while (!words.rest.empty() && is_blank(words.rest.front())) words.rest.remove_prefix(1);
        if (words.rest.empty()) return true;
        const std::size_t start = bytes.size();
        if (!words.read_word()) return false;
        places.push_back({start, bytes.size() - start});
    }
}

} // namespace carillon::resp
