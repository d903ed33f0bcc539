PYTHON ?= python3

demo lint pot clean:
	@$(PYTHON) -m dev $@

test:
	@$(PYTHON) -m dev test $(TAGS)

bench:
	@$(PYTHON) -m dev bench $(ONLY)

db shell:
	@test -n "$(DB)" || { echo "Name the database: make $@ DB=x" >&2; exit 2; }
	@$(PYTHON) -m dev $@ $(DB)

.PHONY: demo test lint bench pot clean db shell
