# shellcheck shell=bash
# Debian packages of another release than this machine's, without touching this machine. Sourced.
#
# apt does the work with a state directory of its own, and checks the signatures; the mirror is the
# one that this machine's apt is configured with.

# debian_mirror: the URI, or nothing where this machine has no apt or is not a Debian.
debian_mirror() {
	command -v apt-get >/dev/null || return 0
	# shellcheck disable=SC2016 # apt fills them in
	apt-get indextargets --format '$(CREATED_BY) $(ORIGIN) $(LABEL) $(CODENAME) $(REPO_URI)' |
		awk '$1 == "Packages" && $2 == "Debian" && $3 == "Debian" && $4 !~ /-/ { print $5; exit }'
}

# debian_open DIR SUITE...: an apt state in DIR (absolute) for these suites; fills debian_apt, the
# options that every later call of apt takes, and reads the index. Packages are amd64's unless
# debian_arch says otherwise; it may name several architectures, the machine's own first.
debian_open() {
	local dir=$1 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	shift
	: "${debian_arch:=amd64}"
	mirror=$(debian_mirror)
	if [ -z "$mirror" ]; then
		echo "no Debian mirror in this machine's apt configuration" >&2
		return 1
	fi
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/parts"
	: >"$dir/status"
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
		"$mirror" "$*" "$keyring" >"$dir/parts/debian.sources"
	debian_apt=(
		-o "Dir::State=$dir" -o "Dir::State::Lists=$dir/lists" -o "Dir::State::status=$dir/status"
		-o "Dir::Cache=$dir/cache" -o Dir::Etc::SourceList=/dev/null
		-o "Dir::Etc::SourceParts=$dir/parts" -o Dir::Etc::PreferencesParts=/dev/null
		-o "APT::Architecture=${debian_arch%%,*}" -o "APT::Architectures=$debian_arch"
		# Whoever runs the tests may not be able to become the user _apt.
		-o "APT::Sandbox::User=$(id -un)"
	)
	apt-get -q -q "${debian_apt[@]}" update
}

# debian_cached DIR COMMAND: fills DIR, if it is not there, by COMMAND, which works in its current
# directory. It is complete or not there: an interruption leaves a temporary directory, and not for long.
# Not as a condition: bash would then go on after what fails in COMMAND.
debian_cached() {
	[ ! -d "$1" ] || return 0
	(
		new=$1.new.$$
		trap 'rm -rf "$new"' EXIT
		mkdir -p "$new"
		cd "$new" || exit
		"$2" >&2
		mv "$new" "$1"
	)
}

# debian_newest META: the package that META depends on for "the current one" (linux-image-amd64,
# linux-source).
debian_newest() {
	apt-cache "${debian_apt[@]}" depends "$1" | awk '/Depends: linux-/ { print $2; exit }'
}

# debian_unpack PACKAGE DIR: downloads it and unpacks it into DIR/root.
debian_unpack() {
	(cd "$2" && apt-get -q -q "${debian_apt[@]}" download "$1") &&
		dpkg-deb -x "$2/$1"_*.deb "$2/root"
}

# debian_tree PACKAGE...: unpacks these packages and all that they depend on into ./root, for programs to
# be run from there. Nothing is configured, so nobody has to be root.
debian_tree() {
	local packages package
	mapfile -t packages < <(apt-get "${debian_apt[@]}" install --simulate --no-install-recommends "$@" |
		sed -nE 's/^Inst ([^ ]*) \(([^ ]*) .*/\1=\2/p')
	[ ${#packages[@]} -gt 0 ] || return 1
	mkdir -p debs root
	(cd debs && apt-get -q -q "${debian_apt[@]}" download "${packages[@]}") || return 1
	for package in debs/*.deb; do dpkg-deb -x "$package" root; done
	rm -rf debs root/usr/share/{doc,man,locale,info,zsh,bash-completion}
}
