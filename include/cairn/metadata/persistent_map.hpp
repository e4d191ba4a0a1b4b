// SPDX-License-Identifier: Apache-2.0
// An ordered map whose copies share structure: a copy is one pointer, a change copies the path from
// the root to what changed (and nothing, where no other copy can see the node). Iteration is in key
// order; entries are immutable and stay where they are while any copy holds them. Weight-balanced
// tree (Adams 1993; parameters 3 and 2 of Hirai and Yamamoto 2011). Invariant: a published copy
// never changes, so readers on other threads need no lock. Owned by value; Image is made of these.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace cairn::metadata {

template <class Key, class Value>
class PersistentMap {
 public:
  using Entry = std::pair<const Key, Value>;
  class Iterator;

  std::size_t size() const { return count(root_); }
  bool empty() const { return root_ == nullptr; }

  /// Null if there is none. Valid while this copy, or one that shares the entry, lives.
  template <class K>
  const Value* find(const K& key) const {
    const Node* node = root_.get();
    while (node != nullptr) {
      if (key < node->entry->first) {
        node = node->left.get();
      } else if (node->entry->first < key) {
        node = node->right.get();
      } else {
        return &node->entry->second;
      }
    }
    return nullptr;
  }
  template <class K>
  bool contains(const K& key) const {
    return find(key) != nullptr;
  }

  /// Adds or replaces.
  void set(Key key, Value value) {
    put(root_, std::make_shared<const Entry>(std::move(key), std::move(value)));
  }
  template <class K>
  void erase(const K& key) {
    if (contains(key)) remove(root_, key);
  }

  Iterator begin() const { return Iterator(root_.get()); }
  Iterator end() const { return Iterator(nullptr); }
  /// The first entry whose key is not less than `key`.
  template <class K>
  Iterator lower_bound(const K& key) const {
    Iterator at(nullptr);
    const Node* node = root_.get();
    while (node != nullptr) {
      const bool before = node->entry->first < key;
      if (!before) at.path_.push_back(node);
      node = before ? node->right.get() : node->left.get();
    }
    return at;
  }

  bool same_as(const PersistentMap& other) const { return root_ == other.root_; }

  /// Calls visit(const Entry* before, const Entry* after) for each key whose entry differs, in key
  /// order; null where there is none. Costs what changed, not what exists.
  template <class Visit>
  static void difference(const PersistentMap& before, const PersistentMap& after, Visit&& visit) {
    compare(before.root_, after.root_, visit);
  }

 private:
  struct Node;
  using Link = std::shared_ptr<const Node>;
  struct Node {
    std::shared_ptr<const Entry> entry;
    Link left, right;
    std::size_t count = 1;
  };

  static std::size_t count(const Link& link) { return link ? link->count : 0; }

  static Link make(std::shared_ptr<const Entry> entry, Link left, Link right) {
    const std::size_t total = 1 + count(left) + count(right);
    return std::make_shared<Node>(Node{std::move(entry), std::move(left), std::move(right), total});
  }

  /// The node behind the link, free to change: itself if nobody else holds it, else a copy.
  static Node& own(Link& link) {
    if (link.use_count() > 1) {
      link = std::make_shared<Node>(*link);
    } else {
      __atomic_thread_fence(__ATOMIC_ACQUIRE);  // after the last other holder's reads
    }
    return const_cast<Node&>(*link);  // only this link holds it, and it was made non-const
  }

  static void rotate_left(Link& link) {
    Link up = std::move(own(link).right);
    own(link).right = own(up).left;
    recount(own(link));
    own(up).left = std::move(link);
    recount(own(up));
    link = std::move(up);
  }
  static void rotate_right(Link& link) {
    Link up = std::move(own(link).left);
    own(link).left = own(up).right;
    recount(own(link));
    own(up).right = std::move(link);
    recount(own(up));
    link = std::move(up);
  }
  static void recount(Node& node) { node.count = 1 + count(node.left) + count(node.right); }

  static bool heavy(const Link& one, const Link& other) {
    return count(one) + 1 > 3 * (count(other) + 1);
  }
  static void balance(Link& link) {
    Node& node = own(link);
    recount(node);
    if (heavy(node.right, node.left)) {
      if (count(node.right->left) + 1 >= 2 * (count(node.right->right) + 1))
        rotate_right(node.right);
      rotate_left(link);
    } else if (heavy(node.left, node.right)) {
      if (count(node.left->right) + 1 >= 2 * (count(node.left->left) + 1)) rotate_left(node.left);
      rotate_right(link);
    }
  }

  static void put(Link& link, std::shared_ptr<const Entry> entry) {
    if (!link) {
      link = make(std::move(entry), nullptr, nullptr);
      return;
    }
    Node& node = own(link);
    if (entry->first < node.entry->first) {
      put(node.left, std::move(entry));
    } else if (node.entry->first < entry->first) {
      put(node.right, std::move(entry));
    } else {
      node.entry = std::move(entry);
      return;
    }
    balance(link);
  }

  static std::shared_ptr<const Entry> take_first(Link& link) {
    Node& node = own(link);
    if (!node.left) {
      auto entry = node.entry;
      link = Link(node.right);
      return entry;
    }
    auto entry = take_first(node.left);
    balance(link);
    return entry;
  }

  /// REQUIRES: the key is there.
  template <class K>
  static void remove(Link& link, const K& key) {
    Node& node = own(link);
    if (key < node.entry->first) {
      remove(node.left, key);
    } else if (node.entry->first < key) {
      remove(node.right, key);
    } else if (!node.left || !node.right) {
      link = Link(node.left ? node.left : node.right);
      return;
    } else {
      node.entry = take_first(node.right);
    }
    balance(link);
  }

  struct Parts {
    Link below;
    std::shared_ptr<const Entry> at;
    Link above;
  };
  /// Balance does not matter here: what is split is only compared.
  static Parts split(const Link& link, const Key& key) {
    if (!link) return {};
    if (key < link->entry->first) {
      Parts parts = split(link->left, key);
      parts.above = make(link->entry, std::move(parts.above), link->right);
      return parts;
    }
    if (link->entry->first < key) {
      Parts parts = split(link->right, key);
      parts.below = make(link->entry, link->left, std::move(parts.below));
      return parts;
    }
    return {link->left, link->entry, link->right};
  }

  template <class Visit>
  static void compare(const Link& before, const Link& after, Visit& visit) {
    if (before == after) return;
    if (!after) {
      compare(before->left, nullptr, visit);
      visit(before->entry.get(), static_cast<const Entry*>(nullptr));
      compare(before->right, nullptr, visit);
      return;
    }
    Parts parts = split(before, after->entry->first);
    compare(parts.below, after->left, visit);
    if (parts.at != after->entry) visit(parts.at.get(), after->entry.get());
    compare(parts.above, after->right, visit);
  }

  Link root_;
};

/// Walks in key order. The map it came from must live; changing that map ends the walk's validity.
template <class Key, class Value>
class PersistentMap<Key, Value>::Iterator {
 public:
  const Entry& operator*() const { return *path_.back()->entry; }
  const Entry* operator->() const { return path_.back()->entry.get(); }
  Iterator& operator++() {
    const Node* node = path_.back();
    path_.pop_back();
    descend(node->right.get());
    return *this;
  }
  bool operator==(const Iterator& other) const {
    return path_.empty() ? other.path_.empty()
                         : !other.path_.empty() && path_.back() == other.path_.back();
  }

 private:
  friend class PersistentMap;
  explicit Iterator(const Node* root) { descend(root); }
  void descend(const Node* node) {
    for (; node != nullptr; node = node->left.get()) path_.push_back(node);
  }
  std::vector<const Node*> path_;
};

}  // namespace cairn::metadata
