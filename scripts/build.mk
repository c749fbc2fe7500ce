# scripts/build.mk - what a person runs from a checkout is in the archive too
EXTRA_DIST += $(call files,scripts/*)
