# The extract variant runs no maintainer scripts, so the alternatives are linked here; $1 is the tree.
for family in iptables ip6tables; do
  for suffix in "" -save -restore; do
    ln -sf "$family-nft$suffix" "$1/usr/sbin/$family$suffix"
  done
done
