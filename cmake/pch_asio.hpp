// SPDX-License-Identifier: Apache-2.0
// Precompiled for the modules above the purity line.
#pragma once
#include <deque>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pch_pure.hpp"
