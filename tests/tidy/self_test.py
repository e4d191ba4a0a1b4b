#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows each rule of tidy.py firing on a small tree made for it, and staying quiet on a good one."""
import pathlib
import tempfile
import unittest

import tidy

HEADER = "// SPDX-License-Identifier: Apache-2.0\n// What it is.\n// Its invariant and its owner.\n#pragma once\n"
SOURCE = "// SPDX-License-Identifier: Apache-2.0\n"


class Rules(unittest.TestCase):
    def findings(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                path = root / name.replace("__", "/").replace("_cpp", ".cpp").replace("_hpp", ".hpp")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return " | ".join(what for _, _, what in tidy.check(root) if "is not described" not in what)

    def test_a_good_tree_has_no_findings(self):
        self.assertEqual(self.findings(src__log__a_cpp=SOURCE + "#include <cairn/base/ids.hpp>\n",
                                       include__cairn__base__ids_hpp=HEADER), "")

    def test_layers(self):
        self.assertIn("may not include", self.findings(src__log__a_cpp=SOURCE + "#include <cairn/storage/x.hpp>\n"))

    def test_the_asio_backend_is_chosen_by_main_only(self):
        self.assertIn("main functions", self.findings(src__broker__a_cpp=SOURCE + "#include <cairn/runtime/asio.hpp>\n"))

    def test_purity(self):
        self.assertIn("purity line", self.findings(src__raft__a_cpp=SOURCE + "#include <thread>\n"))

    def test_bans(self):
        for line in ("auto t = std::chrono::steady_clock::now();", "int f = ::open(name, 0);", "std::mutex m;"):
            self.assertIn("outside world", self.findings(src__storage__a_cpp=SOURCE + line + "\n"), line)
        self.assertIn("keyed by pointer", self.findings(src__storage__a_cpp=SOURCE + "std::map<Node*, int> m;\n"))

    def test_sizes(self):
        self.assertIn("501 lines", self.findings(src__log__a_cpp=SOURCE + "\n" * 500))
        self.assertIn("columns", self.findings(src__log__a_cpp=SOURCE + "x" * 101 + "\n"))
        body = "void f(int a) {\n" + "  a = 1;\n" * 80 + "}\n"
        self.assertIn("a function of", self.findings(src__log__a_cpp=SOURCE + body))

    def test_comments_and_names(self):
        self.assertIn("SPDX", self.findings(src__log__a_cpp="int a;\n"))
        self.assertIn("header opens", self.findings(include__cairn__log__a_hpp=SOURCE + "#pragma once\n"))
        self.assertIn("note to self", self.findings(src__log__a_cpp=SOURCE + "// TO" + "DO later\n"))
        self.assertIn("say nothing", self.findings(src__log__a_cpp=SOURCE + "class LogManager {};\n"))
        self.assertIn("macros are", self.findings(src__log__a_cpp=SOURCE + "#define TWICE(x) x x\n"))

    def test_dead_headers_and_private_headers(self):
        self.assertIn("nothing includes", self.findings(include__cairn__log__a_hpp=HEADER))
        self.assertIn("own folder", self.findings(src__log__a_cpp=SOURCE + '#include "elsewhere.hpp"\n'))


if __name__ == "__main__":
    unittest.main()
