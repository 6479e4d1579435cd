#pragma once

#include "protocol/filter_node.hpp"
#include "protocol/json_members.hpp"

#include <cstddef>
#include <string_view>

// Filters by tags (protocol §3.1) as JSON, as far as they are kept.
namespace carillon::protocol {

/// A node of a filter and what is in it, as far as it is kept; `items` are those of the whole filter.
struct filter_part {
    using value = simdjson::ondemand::value;

    filter_node* into;
    std::size_t* items;

    // What is there once more takes the place of what was there before.
    struct text_list {
        filter_part* of;

        result<void> read(member_reader& reader, value from) {
            of->into->vals.clear();
            return reader.each_element(from, [&](value each) {
                std::string_view text;
                const auto done = reader.read(each, text);
                if (of->counts()) of->into->vals.push_back(text);
                return done;
            });
        }
    };
    struct node_list {
        filter_part* of;

        result<void> read(member_reader& reader, value from) {
            of->into->nodes.clear();
            return reader.each_element(from, [&](value each) {
                filter_node unkept;
                filter_part part{of->counts() ? &of->into->nodes.emplace_back() : &unkept, of->items};
                return reader.read(each, part);
            });
        }
    };
    bool counts() const noexcept { return ++*items <= filter_node::kept_max; }

    result<void> read(member_reader& reader, value from) {
        const auto level = reader.enter();
        if (!level) return {};
        return reader.members(from, member{"op", into->op}, member{"key", into->key}, member{"cmp", into->cmp},
                              member{"val", into->val}, member{"vals", text_list{this}},
                              member{"nodes", node_list{this}});
    }
};

/// A whole filter; it goes where the reader says.
struct whole_filter {
    using value = simdjson::ondemand::value;

    const filter_node* given = nullptr; ///< none, if null

    result<void> read(member_reader& reader, value from) {
        *reader.filter = {};
        given = reader.filter;
        filter_part outermost{reader.filter, &reader.filter->items};
        return outermost.read(reader, from);
    }
};

} // namespace carillon::protocol
