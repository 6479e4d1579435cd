#include "carriers/missed_lists.hpp"

#include "protocol/reply.hpp"

namespace carillon::carriers {

std::string_view missed_lists::whole(const streams::shared_batch& what, const protocol::encoder& with, bool deltas) {
    for (const list& each : kept_) {
        if (each.of == what && each.with == &with && each.deltas == deltas) return each.text;
    }
    list& made = kept_[next_++ % kept_.size()];
    made.of = what;
    made.with = &with;
    made.deltas = deltas;
    made.text.clear();
    deltas ? append_shortened(made.text, *what, with) : append(made.text, *what, with);
    return made.text;
}

std::string_view missed_lists::filtered(const streams::batch& what, const protocol::encoder& with,
                                        const filters::filter& filter) {
    filtered_.clear();
    for (std::size_t i = 0; i < what.publications.size(); ++i) {
        const streams::draft each = what.publications[i]->view();
        if (filter.holds(filters::tags{each.tags}))
            with.listed_publication(filtered_, {each.payload, each.is_json, each.info, each.tags, what.offset_of(i)});
    }
    return filtered_;
}

void missed_lists::append(std::string& out, const streams::batch& what, const protocol::encoder& with) {
    for (std::size_t i = 0; i < what.publications.size(); ++i) {
        const streams::draft each = what.publications[i]->view();
        with.listed_publication(out, {each.payload, each.is_json, each.info, each.tags, what.offset_of(i)});
    }
}

void missed_lists::append_shortened(std::string& out, const streams::batch& what, const protocol::encoder& with) {
    std::string patch;
    for (std::size_t i = 0; i < what.publications.size(); ++i) {
        const streams::draft each = what.publications[i]->view();
        patch.clear();
        if (i > 0 && each.is_json && what.publications[i - 1]->is_json())
            deltas_.encode(what.publications[i - 1]->payload(), each.payload, each.payload.size(), patch);
        with.listed_publication(out,
                                {each.payload, each.is_json, each.info, each.tags, what.offset_of(i), {}, patch, true});
    }
}

} // namespace carillon::carriers
