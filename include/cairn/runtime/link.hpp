// SPDX-License-Identifier: Apache-2.0
// Intrusive doubly linked lists. A Hook is a member of at most one List at a time and leaves it
// when it is destroyed, so an object that dies is never found in a list. Linking allocates nothing.
// Owner: whoever owns the objects; the list owns none of them.
#pragma once

namespace cairn::runtime {

class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  template <class T, class H>
  friend class List;

  void insert_before(Link& other) {
    prev_ = other.prev_;
    next_ = &other;
    other.prev_->next_ = this;
    other.prev_ = this;
  }

  Link* prev_ = this;
  Link* next_ = this;
};

/// One per list an object may be in at the same time: `class T : public Hook<InLruTag>`.
template <class Tag>
class Hook : public Link {};

/// A list of T through T's base H (a Hook). First in, first out.
template <class T, class H>
class List {
 public:
  bool empty() const { return !head_.linked(); }
  void push_back(T& item) {
    Link& link = static_cast<H&>(item);
    link.unlink();
    link.insert_before(head_);
  }
  T& front() { return *item_of(head_.next_); }
  T* next(T& item) {
    Link* link = static_cast<H&>(item).next_;
    return link == &head_ ? nullptr : item_of(link);
  }
  T* first() { return empty() ? nullptr : &front(); }
  /// Moves all of `other` to the end of this list.
  void take(List& other) {
    while (!other.empty()) push_back(other.front());
  }

 private:
  static T* item_of(Link* link) { return static_cast<T*>(static_cast<H*>(link)); }

  Link head_;
};

}  // namespace cairn::runtime
