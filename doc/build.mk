# doc/build.mk - man pages and handbook
dist_man_MANS += doc/hapolicy.8 doc/ppolicyd.8 doc/ppolicyctl.8 doc/ppolicyd.lua.5 doc/ppolicyd-module.3
dist_doc_DATA += doc/handbook.md
